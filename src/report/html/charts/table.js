// What a chart shows, as a table: for whom a chart says nothing, and for copying.

const MOST_ROWS = 120;

/** Fills a `details` when it is opened first. `rows` are lists of texts, as long as `heads`. */
function tableWhenOpened(details, caption, heads, rows) {
  details.addEventListener("toggle", () => {
    if (!details.open || details.querySelector("table")) return;
    const table = document.createElement("table");
    table.createCaption().textContent = caption;
    table.caption.className = "unseen";
    const head = table.createTHead().insertRow();
    for (const text of heads) {
      const cell = document.createElement("th");
      cell.scope = "col";
      cell.className = "figure";
      cell.textContent = text;
      head.append(cell);
    }
    const body = table.createTBody();
    for (const texts of rows()) {
      const row = body.insertRow();
      texts.forEach((text, place) => {
        const cell = document.createElement(place === 0 ? "th" : "td");
        if (place === 0) cell.scope = "row";
        cell.className = "figure";
        cell.textContent = text;
        row.append(cell);
      });
    }
    const scroll = document.createElement("div");
    scroll.className = "scroll";
    scroll.tabIndex = 0;
    scroll.append(table);
    details.append(scroll);
  });
}

/** At most so many of a list, evenly chosen. */
function some(list) {
  const step = Math.ceil(list.length / MOST_ROWS);
  return list.filter((_, place) => place % step === 0);
}

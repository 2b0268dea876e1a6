// Colours and sizes: light and dark, screen and paper. Whatever draws says how to draw itself again.

const root = document.documentElement;
const plots = [];

function color(name) {
  return getComputedStyle(root).getPropertyValue("--" + name).trim();
}

/** Keeps a plot as wide as its place, and in the colours of the page. */
function keep(plot, place) {
  plots.push({ plot, place });
  new ResizeObserver(() => fit(plot, place.clientWidth)).observe(place);
}

function fit(plot, width) {
  if (width > 0 && Math.abs(width - plot.width) > 1) {
    plot.setSize({ width, height: plot.height });
  }
}

function redraw() {
  for (const { plot } of plots) {
    plot.redraw(false, true);
  }
}

function startTheme() {
  const button = document.getElementById("theme");
  const systemIsDark = matchMedia("(prefers-color-scheme: dark)");
  button.hidden = false;
  button.addEventListener("click", () => {
    const isDark = root.dataset.theme ? root.dataset.theme === "dark" : systemIsDark.matches;
    root.dataset.theme = isDark ? "light" : "dark";
    redraw();
  });
  systemIsDark.addEventListener("change", redraw);

  // Paper is white, and narrower than most screens.
  const paper = 680;
  let before;
  addEventListener("beforeprint", () => {
    before = root.dataset.theme;
    root.dataset.theme = "light";
    for (const { plot } of plots) {
      fit(plot, paper);
    }
    redraw();
  });
  addEventListener("afterprint", () => {
    if (before) root.dataset.theme = before;
    else delete root.dataset.theme;
    for (const { plot, place } of plots) {
      fit(plot, place.clientWidth);
    }
    redraw();
  });
}

// The heat map: how many answers took how long, in the course of the load.

/** The times of a bucket in milliseconds, from and to. */
function edges(bucket) {
  return [2 ** (bucket / 4) / 1e3, 2 ** ((bucket + 1) / 4) / 1e3];
}

const withCommas = (value) => value.toLocaleString("en");

function heatMap(place, heat) {
  const choice = document.getElementById("heat-of");
  const readout = document.getElementById("heat-readout");
  heat.kinds.forEach((kind, number) => choice.append(new Option(kind.label, number)));
  const kind = () => heat.kinds[Number(choice.value)] ?? heat.kinds[0];

  const filled = heat.kinds.flatMap((one) => one.columns.filter((column) => column.length > 0));
  const lowest = Math.min(...filled.map((column) => column[0]));
  const highest = Math.max(...filled.map((column) => column[0] + column.length - 2));
  const [bottom, top] = [edges(lowest - 1)[0], edges(highest + 1)[1]];
  const number = Math.max(...heat.kinds.map((one) => one.columns.length));
  const begins = Array.from({ length: number + 1 }, (_, column) => column * heat.slice_s);

  function draw(plot) {
    const { ctx, bbox } = plot;
    const { columns, color: ink } = kind();
    const most = Math.max(...columns.flatMap((column) => column.slice(1)));
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    ctx.fillStyle = color(ink);
    columns.forEach((column, at) => {
      const left = Math.round(plot.valToPos(at * heat.slice_s, "x", true));
      const right = Math.round(plot.valToPos((at + 1) * heat.slice_s, "x", true));
      column.slice(1).forEach((count, offset) => {
        if (count === 0) return;
        const [from, to] = edges(column[0] + offset);
        const upper = Math.round(plot.valToPos(to, "y", true));
        const lower = Math.round(plot.valToPos(from, "y", true));
        // Few answers must still be seen beside many.
        ctx.globalAlpha = 0.15 + 0.85 * (Math.log(count) / Math.max(Math.log(most), 1));
        ctx.fillRect(left, upper, Math.max(right - left, 1), Math.max(lower - upper, 1));
      });
    });
    ctx.restore();
    drawMarks(plot);
  }

  function tell(plot) {
    const { left, top: y } = plot.cursor;
    if (left === undefined || left < 0 || y < 0) {
      readout.textContent = "\u00a0";
      return;
    }
    const at = Math.floor(plot.posToVal(left, "x") / heat.slice_s);
    const time = plot.posToVal(y, "y");
    const bucket = Math.floor(Math.log2(time * 1e3) * 4);
    const column = kind().columns[at] ?? [];
    const count = (bucket >= column[0] && column[bucket - column[0] + 1]) || 0;
    const [from, to] = edges(bucket);
    readout.textContent = `${clock(at * heat.slice_s)} · ${millis(from)} – ${millis(to)} · ${words.answers}: ${withCommas(count)}`;
  }
  const options = {
    width: place.clientWidth || 680,
    height: 280,
    legend: { show: false },
    cursor: { sync: { key: "time" }, drag: { x: true, y: false }, points: { show: false } },
    scales: {
      x: { time: false, range: wholeOrPart },
      y: { distr: 3, range: () => [bottom, top] },
    },
    axes: axes("ms", true),
    series: [{}, { stroke: "transparent", points: { show: false } }],
    hooks: { draw: [draw], setScale: [followZoom], setCursor: [tell] },
  };
  const plot = new uPlot(options, [begins, begins.map(() => bottom)], place);
  timePlots.push(plot);
  keep(plot, place);
  choice.addEventListener("change", () => plot.redraw());

  const details = document.getElementById("heat-table");
  const heads = [words.time, ...heat.kinds.flatMap((one) => [one.label, words.from_to])];
  tableWhenOpened(details, words.heat, heads, () =>
    some(begins.slice(0, number).map((_, at) => at)).map((at) => [
      clock(at * heat.slice_s),
      ...heat.kinds.flatMap((one) => {
        const column = one.columns[at] ?? [];
        const count = column.slice(1).reduce((sum, part) => sum + part, 0);
        if (count === 0) return ["0", "–"];
        return [withCommas(count), `${millis(edges(column[0])[0])} – ${millis(edges(column[0] + column.length - 2)[1])}`];
      }),
    ]),
  );
}

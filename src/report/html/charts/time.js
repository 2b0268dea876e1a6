// Charts over time. They share their cursor and their zoom, and the marks of stages.

const timePlots = [];
let isFollowing = false;

function axes(measure, isLog) {
  const common = {
    stroke: () => color("quiet"),
    grid: { stroke: () => color("line"), width: 1 },
    ticks: { stroke: () => color("line"), width: 1 },
    font: "12px system-ui, sans-serif",
  };
  const x = {
    ...common,
    values: (_, splits) => splits.map((value) => (Number.isInteger(value) ? clock(value) : "")),
    space: 70,
    size: 34,
  };
  const labels = (plot, splits) => splits.map((value) => (value === null ? "" : brief(measure, value)));
  const y = { ...common, grid: { ...common.grid }, ticks: { ...common.ticks }, size: 62, values: labels };
  if (isLog) {
    y.filter = y.ticks.filter = y.grid.filter = fewOfLog;
  } else if (measure.startsWith("bytes")) {
    y.incrs = Array.from({ length: 50 }, (_, power) => 2 ** power);
  }
  return [x, y];
}

/** Of a logarithmic scale the powers of ten; where there are few, what lies between them too. */
function fewOfLog(plot, splits) {
  const { min, max } = plot.scales.y;
  const kept = max / min > 50 ? [1] : max / min > 5 ? [1, 2, 5] : [1, 2, 3, 4, 5, 6, 7, 8, 9];
  const isKept = (value) => {
    const mantissa = value / 10 ** Math.floor(Math.log10(value) + 1e-9);
    return kept.some((one) => Math.abs(mantissa - one) < 1e-6);
  };
  return splits.map((value) => (value !== null && isKept(value) ? value : null));
}

/** A range of whole powers of ten would leave half of a chart empty. */
function closely(_, min, max) {
  return min === null || max === null ? [0.1, 100] : [min / 1.3, max * 1.3];
}

function fromZero(_, min, max) {
  return [0, max > 0 ? max * 1.08 : 1];
}

function line(one, measure) {
  return {
    label: one.label,
    stroke: () => color(one.color),
    width: 1.6,
    dash: one.is_dashed ? [6, 4] : undefined,
    spanGaps: false,
    points: { show: data.at_s.length < 3, size: 5 },
    value: (_, value) => show(measure, value),
  };
}

/** Lines where stages begin, and where a threshold was first broken. */
function drawMarks(plot) {
  const { ctx, bbox } = plot;
  const ratio = devicePixelRatio;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.font = `${11 * ratio}px system-ui, sans-serif`;
  ctx.textBaseline = "top";
  ctx.textAlign = "left";
  // Names that would stand on one another are left out.
  let free = bbox.left;
  for (const mark of data.marks) {
    const x = Math.round(plot.valToPos(mark.at_s, "x", true));
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    ctx.strokeStyle = color(mark.is_bad ? "failure" : "quiet");
    ctx.setLineDash(mark.is_bad ? [] : [3 * ratio, 3 * ratio]);
    ctx.lineWidth = ratio;
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    if (!mark.is_bad && mark.text && x >= free) {
      ctx.fillStyle = color("quiet");
      ctx.fillText(mark.text, x + 4 * ratio, bbox.top + 3 * ratio);
      free = x + 8 * ratio + ctx.measureText(mark.text).width;
    }
  }
  ctx.restore();
}

/** All charts show the same stretch of time. */
function followZoom(plot, scale) {
  if (scale !== "x" || isFollowing) return;
  isFollowing = true;
  const { min, max } = plot.scales.x;
  for (const other of timePlots) {
    if (other !== plot) other.setScale("x", { min, max });
  }
  isFollowing = false;
}

function zoom(plot, factor) {
  const { min, max } = plot.scales.x;
  const at = plot.cursor.left >= 0 ? plot.posToVal(plot.cursor.left, "x") : (min + max) / 2;
  const [first, last] = whole();
  const from = Math.max(first, at - (at - min) * factor);
  const to = Math.min(last, at + (max - at) * factor);
  if (to - from >= data.step_s) plot.setScale("x", { min: from, max: to });
}

/** The run, its last point included. */
function whole() {
  return [data.at_s[0], data.at_s[data.at_s.length - 1] + data.step_s];
}

function wholeOrPart(_, min, max) {
  const [first, last] = whole();
  return min <= first && max >= last - data.step_s ? [first, last] : [min, max];
}

function showWhole() {
  const [min, max] = whole();
  for (const plot of timePlots) {
    plot.setCursor({ left: -10, top: -10 });
    plot.setScale("x", { min, max });
  }
}

function moveCursor(plot, by) {
  const now = plot.cursor.idx ?? (by > 0 ? -1 : data.at_s.length);
  const place = Math.min(Math.max(now + by, 0), data.at_s.length - 1);
  plot.setCursor({ left: plot.valToPos(data.at_s[place], "x"), top: plot.over.clientHeight / 2 }, true, true);
  return place;
}

function listenToKeys(place, plot, chart) {
  const said = document.createElement("p");
  said.className = "unseen";
  said.setAttribute("aria-live", "polite");
  place.append(said);
  place.addEventListener("keydown", (event) => {
    const steps = { ArrowRight: 1, ArrowLeft: -1, PageDown: 10, PageUp: -10 };
    if (event.key in steps) {
      const at = moveCursor(plot, steps[event.key]);
      const figures = chart.lines.map((one) => `${one.label} ${show(chart.measure, one.values[at])}`);
      said.textContent = `${clock(data.at_s[at])}: ${figures.join(", ")}`;
    } else if (event.key === "+" || event.key === "=") zoom(plot, 0.5);
    else if (event.key === "-") zoom(plot, 2);
    else if (event.key === "0" || event.key === "Escape") showWhole();
    else return;
    event.preventDefault();
  });
}

function timeChart(place, chart) {
  const positive = (value) => (value !== null && value > 0 ? value : null);
  const values = chart.lines.map((one) => (chart.is_log ? one.values.map(positive) : one.values));
  const options = {
    width: place.clientWidth || 680,
    height: 230,
    cursor: { sync: { key: "time" }, drag: { x: true, y: false }, focus: { prox: 30 }, points: { size: 7 } },
    focus: { alpha: 0.35 },
    scales: {
      x: { time: false, range: wholeOrPart },
      y: chart.is_log ? { distr: 3, range: closely } : { range: fromZero },
    },
    axes: axes(chart.measure, chart.is_log),
    series: [
      { label: words.time, value: (_, value) => (value === null ? "–" : clock(value)) },
      ...chart.lines.map((one) => line(one, chart.measure)),
    ],
    hooks: { draw: [drawMarks], setScale: [followZoom] },
  };
  const plot = new uPlot(options, [data.at_s, ...values], place);
  timePlots.push(plot);
  keep(plot, place);
  listenToKeys(place, plot, chart);
}

function timeTable(details, chart) {
  const heads = [words.time, ...chart.lines.map((one) => one.label)];
  tableWhenOpened(details, chart.title, heads, () =>
    some(data.at_s.map((_, place) => place)).map((place) => [
      clock(data.at_s[place]),
      ...chart.lines.map((one) => show(chart.measure, one.values[place])),
    ]),
  );
}

// Percentile curves, the slowest answers drawn out: each factor of ten in the share of slower ones is as wide as the one
// before.

function shareText(share) {
  const text = (share * 100).toFixed(5).replace(/0+$/, "").replace(/\.$/, "");
  return text + "%";
}

function curves(place, curve) {
  const stretched = curve.shares.map((share) => -Math.log10(1 - share));
  const last = stretched[stretched.length - 1];
  const marks = [0, 0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999, 0.999999];
  const [x, y] = axes("ms", true);
  x.splits = () => marks.map((share) => -Math.log10(1 - share)).filter((at) => at <= last + 1e-9);
  x.values = (_, splits) => splits.map((at) => shareText(1 - 10 ** -at));
  const options = {
    width: place.clientWidth || 680,
    height: 300,
    cursor: { drag: { x: false, y: false }, focus: { prox: 30 }, points: { size: 7 } },
    focus: { alpha: 0.35 },
    scales: { x: { time: false, range: () => [0, Math.max(last, 1)] }, y: { distr: 3, range: closely } },
    axes: [x, y],
    series: [
      { label: words.percentile, value: (_, value) => (value === null ? "–" : shareText(1 - 10 ** -value)) },
      ...curve.lines.map((one) => ({ ...line(one, "ms"), points: { show: curve.shares.length < 3, size: 5 } })),
    ],
  };
  const positive = (value) => (value !== null && value > 0 ? value : null);
  const values = curve.lines.map((one) => one.values.map(positive));
  keep(new uPlot(options, [stretched, ...values], place), place);

  const heads = [words.percentile, ...curve.lines.map((one) => one.label)];
  tableWhenOpened(document.getElementById("curve-table"), words.curve, heads, () =>
    curve.shares.map((share, at) => [shareText(share), ...curve.lines.map((one) => show("ms", one.values[at]))]),
  );
}

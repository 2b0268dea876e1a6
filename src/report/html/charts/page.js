// Draws what there is.

startTheme();
for (const place of document.querySelectorAll("[data-chart]")) {
  timeChart(place, data.charts[Number(place.dataset.chart)]);
}
for (const details of document.querySelectorAll("[data-table]")) {
  timeTable(details, data.charts[Number(details.dataset.table)]);
}
if (data.heat) heatMap(document.getElementById("heat-plot"), data.heat);
if (data.curve) curves(document.getElementById("curve-plot"), data.curve);
const reset = document.getElementById("reset");
if (reset) {
  reset.hidden = false;
  reset.addEventListener("click", showWhole);
}

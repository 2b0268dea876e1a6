// Figures, written as everywhere else in the report.

const data = JSON.parse(document.getElementById("data").textContent);
const words = data.words;

/** A time in milliseconds at three digits: `87.3µs`, `1.24ms`, `2.50s`. */
function millis(value) {
  if (value === 0) return "0ms";
  const [unit, factor] =
    value < 1e-3 ? ["ns", 1e6] : value < 0.9995 ? ["µs", 1e3] : value < 999.5 ? ["ms", 1] : ["s", 1e-3];
  return threeDigits(value * factor) + unit;
}

function threeDigits(value) {
  return value.toFixed(value < 9.995 ? 2 : value < 99.95 ? 1 : 0);
}

/** Without needless zeros, and with separators: `12,345`, `0.25`. */
function number(value) {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 1 ? 1 : 3;
  return value.toLocaleString("en", { maximumFractionDigits: digits });
}

function bytes(value) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let place = 0;
  while (value >= 1024 && place < units.length - 1) {
    value /= 1024;
    place += 1;
  }
  return number(value) + units[place];
}

/** A moment of the load: `0:42`, `1:02:03`. */
function clock(seconds) {
  const pad = (part) => String(part).padStart(2, "0");
  const whole = Math.floor(seconds);
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return h > 0 ? `${h}:${pad(m)}:${pad(s)}` : `${m}:${pad(s)}`;
}

const measures = {
  ms: millis,
  per_s: (value) => number(value) + "/s",
  number,
  share: (value) => number(value * 100) + "%",
  bytes,
  bytes_per_s: (value) => bytes(value) + "/s",
};

/** A figure of a chart's own measure, or a dash where there was none. */
function show(measure, value) {
  return value === null || value === undefined ? "–" : measures[measure](value);
}

/** The same for an axis, where `10.0ms` is `10ms`. */
function brief(measure, value) {
  return show(measure, value).replace(/\.0+(?=\D|$)/, "").replace(/(\.\d*?)0+(?=[^\d.]|$)/, "$1");
}

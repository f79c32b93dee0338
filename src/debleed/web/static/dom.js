// Elements, and numbers as people read them.

// h("button", { class: "main", onclick: f, "aria-label": "Play" }, "Play"): text is only ever set as text.
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value" || name === "checked" || name === "selected") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export function time(seconds, digits = 0) {
  const unit = 10 ** digits;
  const whole = Math.round(Math.max(0, seconds) * unit) / unit;
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  const rest = (whole % 60).toFixed(digits).padStart(digits ? 3 + digits : 2, "0");
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}

// A real minus, no negative zero, ∞, and a dash where there is no number.
export function number(value, digits = 1) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  if (value === Infinity) return "∞";
  if (value === -Infinity) return "−∞";
  const text = value.toFixed(digits);
  return (Number(text) === 0 ? (0).toFixed(digits) : text).replace("-", "−");
}

// Read numbers, or arrays of them, out of the server's JSON, which holds null and "<name>_reason" where one is not finite.
export const numbers = (object, name) => joined(object[name], object[`${name}_reason`]);

function joined(value, reason) {
  if (Array.isArray(value)) return value.map((part, i) => joined(part, reason?.[i]));
  if (value !== null && value !== undefined) return value;
  return reason?.includes("(+inf)") ? Infinity : reason?.includes("(-inf)") ? -Infinity : NaN;
}

export function size(bytes) {
  for (const [unit, scale] of [["GB", 1e9], ["MB", 1e6], ["kB", 1e3]]) {
    if (bytes >= scale) return `${(bytes / scale).toFixed(1)} ${unit}`;
  }
  return `${bytes} bytes`;
}

// Rates as engineers say them: 44.1 kHz.
export const kilohertz = (rate) => `${rate / 1000} kHz`;

export const many = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;

export const decibel = (power) => (power > 0 ? 10 * Math.log10(power) : -Infinity);
export const amplitude = (dB) => 10 ** (dB / 20);

// The server's sentences begin small, as the command line prints them after "error:".
export const sentence = (text) => text.replace(/^\p{Ll}/u, (letter) => letter.toUpperCase()).replace(/[^.!?…]$/u, "$&.");

let quiet;
export function say(text, wrong = false) {
  const place = document.getElementById("said");
  place.textContent = sentence(text);
  place.classList.toggle("wrong", wrong);
  place.classList.add("shown");
  clearTimeout(quiet);
  quiet = setTimeout(() => place.classList.remove("shown"), wrong ? 12000 : 4000);
}

// What went wrong is over: a later success takes its sentence away.
export function settle() {
  const place = document.getElementById("said");
  if (place.classList.contains("wrong")) place.classList.remove("shown");
}

// Run what a button does; what goes wrong is said, and the button waits meanwhile.
export const doing = (work) => async (event) => {
  const button = event?.currentTarget;
  if (button) button.disabled = true;
  try { await work(event); settle(); } catch (error) { say(error.message, true); } finally { if (button) button.disabled = false; }
};

// Build a place anew; what had the focus in it has it again.
export function rebuild(place, ...children) {
  const active = place.contains(document.activeElement) ? document.activeElement : null;
  const label = (element) => element.getAttribute("aria-label") ?? element.textContent;
  place.replaceChildren(...children);
  if (!active) return;
  const same = [...place.querySelectorAll(active.tagName)].filter((element) => element.type === active.type);
  same.find((element) => (active.type === "radio" ? element.checked : label(element) === label(active)))?.focus();
}

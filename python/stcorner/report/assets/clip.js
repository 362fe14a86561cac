// The clip's page: one clock (the player's time) moves the cursor, the overlay and the read-outs.
"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const player = document.getElementById("player");
const overlay = document.getElementById("overlay");
const curves = document.getElementById("curves");
const cursor = document.getElementById("cursor");
const clock = document.getElementById("clock");
const SVG = "http://www.w3.org/2000/svg";
const duration = data.duration;

function bytes(base64) {
  return Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
}

function element(name, attributes, parent) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  parent.append(node);
  return node;
}

// Index of the last time that is not after t (times ascend).
function at(times, t) {
  let low = 0, high = times.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle] <= t) low = middle + 1; else high = middle;
  }
  return Math.max(0, low - 1);
}

// ---- curves -------------------------------------------------------------------------------------
const W = 1000;
const readers = [];

function row(title, height, describe, meaning) {
  const box = document.createElement("div");
  box.className = "curve";
  const name = document.createElement("span");
  name.className = "name";
  name.textContent = title;
  if (meaning) name.title = meaning;
  const value = document.createElement("span");
  value.className = "value";
  box.append(name, value);
  curves.insertBefore(box, cursor);
  if (describe) readers.push((t) => { value.textContent = describe(t); });
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", `0 0 ${W} ${height}`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("height", height);
  svg.setAttribute("aria-hidden", "true");
  box.append(svg);
  return { box, svg };
}

function path(times, values, low, high, height) {
  let d = "", pen = false;
  for (let i = 0; i < times.length; i++) {
    if (values[i] === null) { pen = false; continue; }
    const x = (times[i] / duration) * W;
    const y = height - 4 - ((values[i] - low) / (high - low || 1)) * (height - 8);
    d += `${pen ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`;
    pen = true;
  }
  return d;
}

function line(title, times, values, unit, colour, digits, meaning) {
  const known = values.filter((v) => v !== null);
  if (!known.length) return;
  const low = Math.min(...known), high = Math.max(...known), height = 62;
  const { svg } = row(`${title} (${unit}) ${low.toFixed(digits)} to ${high.toFixed(digits)}`, height, (t) => {
    const v = values[at(times, t)];
    return v === null ? "unvoiced" : `${v.toFixed(digits)} ${unit}`;
  }, meaning);
  element("path", { d: path(times, values, low, high, height), fill: "none", stroke: colour, "stroke-width": 1.6,
    "vector-effect": "non-scaling-stroke", "stroke-linejoin": "round" }, svg);
}

function drawSound(sound) {
  const { svg } = row("waveform", 62);
  const n = sound.wave.low.length;
  const peak = Math.max(1e-6, ...sound.wave.high, ...sound.wave.low.map((v) => -v));
  let d = "";
  for (let i = 0; i < n; i++) {
    const x = (((i + 0.5) * sound.wave.step + sound.wave.start) / duration) * W;
    d += `M${x.toFixed(1)} ${(31 - (sound.wave.high[i] / peak) * 28).toFixed(1)}V${(31.5 - (sound.wave.low[i] / peak) * 28).toFixed(1)}`;
  }
  element("path", { d, stroke: "var(--quiet)", "stroke-width": 1, "vector-effect": "non-scaling-stroke" }, svg);
  line("f0", sound.time, sound.f0, "Hz", "#0072b2", 0, sound.meanings.f0);
  line("energy", sound.time, sound.energy, "dB", "#009e73", 1, sound.meanings.rms);
  line("zero crossings", sound.time, sound.zcr, "per sample", "#cc79a7", 3, sound.meanings.zcr);
  drawMap("MFCC 1 (bottom) to " + sound.mfcc.rows, sound.mfcc, 78, sound.meanings.mfcc_1);
}

function drawMap(title, map, height, meaning) {
  const values = bytes(map.data);
  const { box, svg } = row(title, height, null, meaning);
  svg.remove();
  const canvas = document.createElement("canvas");
  canvas.width = map.columns;
  canvas.height = map.rows;
  canvas.setAttribute("aria-hidden", "true");
  canvas.style.height = `${height}px`;
  canvas.style.imageRendering = "pixelated";
  // The map may cover less than the clip (sound shorter than picture).
  canvas.style.width = `${(100 * (map.end - map.start)) / duration}%`;
  canvas.style.marginLeft = `${(100 * map.start) / duration}%`;
  const context = canvas.getContext("2d");
  const image = context.createImageData(map.columns, map.rows);
  for (let r = 0; r < map.rows; r++)
    for (let c = 0; c < map.columns; c++) {
      const [red, green, blue] = heat(values[r * map.columns + c] / 255);
      image.data.set([red, green, blue, 255], 4 * ((map.rows - 1 - r) * map.columns + c));
    }
  context.putImageData(image, 0, 0);
  box.append(canvas);
}

// Dark blue to yellow, even in lightness and safe for colour-blind eyes.
function heat(v) {
  const stops = [[0, 32, 77], [60, 77, 110], [124, 123, 120], [187, 175, 104], [255, 234, 70]];
  const x = Math.min(3.999, Math.max(0, v * 4)), i = Math.floor(x), f = x - i;
  return stops[i].map((a, j) => Math.round(a + f * (stops[i + 1][j] - a)));
}

// Curves of probabilities, one for each name; rows of nulls are gaps.
function drawShares(title, names, colours, times, shares, width) {
  const height = 110;
  const { svg } = row(title, height, (t) => {
    const p = shares[at(times, t)];
    if (p[0] === null) return "no face";
    const best = p.indexOf(Math.max(...p));
    const here = `${names[best]} ${(100 * p[best]).toFixed(0)} %`;
    // The decision of the whole clip stands above the page: its share here comes first.
    const said = names === data.classes ? names.indexOf(data.label) : -1;
    return best === said || said < 0 ? here : `${names[said]} ${(100 * p[said]).toFixed(0)} % here, highest ${here}`;
  });
  // One window is the whole clip.
  const [when, what] = times.length === 1 ? [[0, duration], [shares[0], shares[0]]] : [times, shares];
  names.forEach((name, c) => {
    element("path", { d: path(when, what.map((p) => p[c]), 0, 1, height), fill: "none", stroke: colours[c],
      "stroke-width": width, "vector-effect": "non-scaling-stroke" }, svg);
  });
}

const timeline = data.timeline, expressions = data.expressions;
if (timeline)
  drawShares(`decision, in windows of ${timeline.window.toFixed(1)} s`, data.classes, data.colours, timeline.time, timeline.p, 2.2);
if (expressions)
  drawShares("face alone, frame by frame", expressions.names, expressions.colours, expressions.time, expressions.p, 1.4);
if (data.sound) drawSound(data.sound);

// ---- overlay ------------------------------------------------------------------------------------
const response = data.response ? { ...data.response, values: bytes(data.response.data) } : null;
const tile = document.createElement("canvas");
if (response) { tile.width = response.columns; tile.height = response.rows; }
const shown = (id) => { const box = document.getElementById(id); return box !== null && box.checked; };

function drawOverlay(t) {
  if (!overlay || !data.picture) return;
  const context = overlay.getContext("2d");
  context.clearRect(0, 0, overlay.width, overlay.height);
  if (shown("show-faces") && data.people.length > 1) {
    context.font = `${Math.max(12, overlay.width / 28)}px sans-serif`;
    context.lineWidth = Math.max(1.5, overlay.width / 400);
    for (const person of data.people) {
      const k = at(person.time, t + 0.5 / (data.picture.fps || 25));
      if (Math.abs(person.time[k] - t) > 0.2) continue;
      const [x, y, w, h] = person.box[k];
      context.strokeStyle = context.fillStyle = person.shown ? "#56b4e9" : "#e69f00";
      context.strokeRect(x, y, w, h);
      context.fillText(`face ${person.face_id}`, x + 4, Math.max(14, y - 4));
    }
  }
  const faces = data.faces;
  if (!faces || !faces.time.length) return;
  const i = at(faces.time, t + 0.5 / (data.picture.fps || 25));
  const [x, y, w, h] = faces.box[i];
  if (!faces.found[i]) return;
  if (response && shown("show-response")) {
    const k = at(response.time, t + 0.5 / (data.picture.fps || 25)) * response.rows * response.columns;
    const pen = tile.getContext("2d");
    const image = pen.createImageData(response.columns, response.rows);
    for (let j = 0; j < response.rows * response.columns; j++) {
      const v = response.values[k + j];
      image.data.set([255, 190, 0, Math.min(200, v)], 4 * j);
    }
    pen.putImageData(image, 0, 0);
    context.drawImage(tile, x, y, w, h);
  }
  if (shown("show-faces")) {
    context.strokeStyle = "#56b4e9";
    context.lineWidth = Math.max(2, overlay.width / 320);
    context.strokeRect(x, y, w, h);
  }
  if (shown("show-points"))
    for (const p of data.points || []) {
      const away = Math.abs(p.t - t) / p.tau;
      if (away > 1) continue;
      context.beginPath();
      context.arc(x + p.x * w, y + p.y * h, p.r * w, 0, 2 * Math.PI);
      context.strokeStyle = `rgba(213, 94, 0, ${1 - 0.7 * away})`;
      context.lineWidth = Math.max(2, overlay.width / 400);
      context.stroke();
    }
}

// ---- the clock ----------------------------------------------------------------------------------
function show(t) {
  cursor.style.left = `${(100 * Math.min(t, duration)) / duration}%`;
  clock.textContent = `${t.toFixed(2)} s of ${duration.toFixed(2)} s`;
  curves.setAttribute("aria-valuenow", t.toFixed(2));
  curves.setAttribute("aria-valuetext", `${t.toFixed(2)} seconds`);
  for (const read of readers) read(t);
  drawOverlay(t);
}

function seek(t) {
  player.currentTime = Math.min(Math.max(0, t), duration);
  show(player.currentTime);
}

function seekTo(event) {
  const box = curves.getBoundingClientRect();
  seek(((event.clientX - box.left) / box.width) * duration);
}

curves.addEventListener("pointerdown", (event) => { curves.setPointerCapture(event.pointerId); seekTo(event); });
curves.addEventListener("pointermove", (event) => { if (event.buttons) seekTo(event); });
curves.addEventListener("keydown", (event) => {
  const steps = { ArrowLeft: -0.1, ArrowRight: 0.1, PageDown: -1, PageUp: 1 };
  if (event.key in steps) seek(player.currentTime + steps[event.key]);
  else if (event.key === "Home") seek(0);
  else if (event.key === "End") seek(duration);
  else if (event.key === " ") toggle();
  else return;
  event.preventDefault();
});

for (const moment of document.querySelectorAll("[data-time]"))
  moment.addEventListener("click", () => seek(Number(moment.dataset.time)));

const button = document.getElementById("play");
function toggle() { if (player.paused) player.play(); else player.pause(); }
button.addEventListener("click", toggle);
player.addEventListener("play", () => { button.textContent = "Pause"; tick(); });
player.addEventListener("pause", () => { button.textContent = "Play"; });
player.addEventListener("timeupdate", () => show(player.currentTime));
player.addEventListener("seeked", () => show(player.currentTime));
function tick() { show(player.currentTime); if (!player.paused) requestAnimationFrame(tick); }

for (const id of ["show-faces", "show-points", "show-response"]) {
  const box = document.getElementById(id);
  if (box) box.addEventListener("change", () => drawOverlay(player.currentTime));
}
if (overlay && data.picture) { overlay.width = data.picture.width; overlay.height = data.picture.height; }
show(0);

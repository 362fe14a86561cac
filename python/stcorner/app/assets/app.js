// The app's page: it knows nothing but the JSON API.
"use strict";
const $ = (id) => document.getElementById(id);
let limits = null;
let open = null; // id of the job whose report is shown
const wanted = new Set(); // jobs of this page: the newest that gets done is opened

function say(text) { $("message").textContent = text; }

// Problems stay until the next upload: what is said of the following clip does not hide them.
function complain(text) { $("problems").textContent += `${$("problems").textContent && "\n"}${text}`; }

async function upload(blob, name) {
  if (blob.size === 0) throw new Error("the file is empty");
  if (limits && blob.size > limits.max_upload_bytes)
    throw new Error(`larger than ${Math.round(limits.max_upload_bytes / 1048576)} MB`);
  say(`Sending ${name} …`);
  const answer = await fetch(`/api/jobs?name=${encodeURIComponent(name)}`, {
    method: "POST",
    headers: { "Content-Type": "application/octet-stream" },
    body: blob,
  });
  const job = await answer.json().catch(() => ({ error: `the server answered ${answer.status}` }));
  if (!answer.ok) throw new Error(job.error);
  wanted.add(job.id);
  refresh();
}

// A drawn face: it shows the page, not how good the model is.
async function trySample() {
  $("problems").textContent = "";
  say("Drawing a sample clip …");
  try {
    const answer = await fetch("/api/samples", { method: "POST" });
    const job = await answer.json().catch(() => ({ error: `the server answered ${answer.status}` }));
    if (!answer.ok) throw new Error(job.error);
    wanted.add(job.id);
    refresh();
  } catch (error) { complain(`sample: ${error.message}`); }
  say("");
}

async function uploadAll(files) {
  $("problems").textContent = "";
  for (const file of files) {
    try { await upload(file, file.name); } catch (error) { complain(`${file.name}: ${error.message}`); }
  }
  say("");
}

// ---- history ------------------------------------------------------------------------------------
function button(text, what, action) {
  const node = document.createElement("button");
  node.type = "button";
  node.textContent = text;
  node.setAttribute("aria-label", `${text} ${what}`);
  node.addEventListener("click", () => action().catch(refresh)); // which says that the server is gone
  return node;
}

function line(job) {
  const item = document.createElement("li");
  item.dataset.state = job.state;
  item.dataset.id = job.id;
  const name = document.createElement("span");
  name.className = "name";
  name.textContent = job.label ? `${job.name}: ${job.label}` : job.name;
  const state = document.createElement("span");
  if (job.state === "failed") {
    state.className = "bad";
    state.textContent = job.error;
  } else if (job.state === "done") {
    state.textContent = "done";
  } else {
    state.append(document.createElement("progress"), document.createElement("span"));
    advance(state, job);
  }
  const actions = document.createElement("span");
  actions.className = "actions";
  if (job.state === "done") actions.append(button("Show", job.name, () => show(job)));
  actions.append(button(job.finished === null ? "Cancel" : "Delete", job.name, () => remove(job)));
  item.append(name, state, actions);
  return item;
}

function advance(node, job) {
  const bar = node.querySelector("progress");
  bar.max = 1;
  bar.value = job.progress;
  bar.setAttribute("aria-label", `${job.name}: ${job.stage || job.state}`);
  bar.nextSibling.textContent = job.stage || job.state;
}

// Lines that stay are not touched: a button that has the keyboard's focus keeps it.
function list(jobs) {
  $("session").hidden = jobs.length === 0;
  const old = new Map([...$("history").children].map((node) => [node.dataset.id, node]));
  const lines = jobs.map((job) => {
    const node = old.get(job.id);
    if (!node || node.dataset.state !== job.state) return line(job);
    if (job.state === "running" || job.state === "waiting") advance(node, job);
    return node;
  });
  for (const node of old.values()) if (!lines.includes(node)) node.remove();
  lines.forEach((node, i) => {
    const there = $("history").children[i];
    if (there !== node) $("history").insertBefore(node, there || null);
  });
}

const GONE = "The server does not answer.";
let next = null; // one timer, however many uploads ask for the list
async function refresh() {
  let jobs;
  try {
    jobs = (await (await fetch("/api/jobs")).json()).jobs;
  } catch {
    say(GONE);
    clearTimeout(next);
    next = setTimeout(refresh, 3000);
    return;
  }
  if ($("message").textContent === GONE) say("");
  list(jobs);
  for (const job of jobs)
    if (wanted.has(job.id) && (job.state === "done" || job.state === "failed")) {
      wanted.delete(job.id);
      if (job.state === "failed") complain(job.error.startsWith(job.name) ? job.error : `${job.name}: ${job.error}`);
      else { show(job); say(`${job.name} is done: its report is shown below.`); }
    }
  clearTimeout(next);
  if (jobs.some((job) => job.state === "waiting" || job.state === "running")) next = setTimeout(refresh, 400);
}

async function show(job) {
  const answer = await fetch(`/api/jobs/${job.id}`);
  if (!answer.ok) { // deleted in another tab, or kept for long enough
    complain(`${job.name}: its report has been deleted`);
    refresh();
    return;
  }
  open = job.id;
  $("result").hidden = false;
  $("result-title").textContent = `Report of ${job.name}`;
  // Replaced, so that Back leaves the page instead of showing an older report under this title.
  $("report").contentWindow.location.replace(`/api/jobs/${job.id}/report.html`);
  const names = { "report.html": "Report", "features.csv": "CSV", "features.parquet": "Parquet", "features.json": "JSON" };
  $("result").scrollIntoView({ block: "start" });
  $("downloads").replaceChildren(...job.results.map((kind) => {
    const link = document.createElement("a");
    link.href = `/api/jobs/${job.id}/${kind}${kind === "report.html" ? "?download=1" : ""}`;
    link.textContent = names[kind];
    link.setAttribute("download", "");
    return link;
  }));
}

async function remove(job) {
  await fetch(`/api/jobs/${job.id}`, { method: "DELETE" });
  if (open === job.id) { $("result").hidden = true; $("report").contentWindow.location.replace("about:blank"); open = null; }
  await refresh();
  ($("history").querySelector("button") || $("file")).focus();
}

document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); }); // other tabs act too

// The report is as tall as its content: the page alone scrolls.
const grow = new ResizeObserver(() => {
  const inside = $("report").contentDocument;
  if (inside && inside.body) $("report").style.height = `${inside.documentElement.offsetHeight + 2}px`;
});
$("report").addEventListener("load", () => {
  grow.disconnect();
  const inside = $("report").contentDocument;
  if (inside && inside.documentElement) grow.observe(inside.documentElement);
});

// ---- ways in ------------------------------------------------------------------------------------
$("sample").addEventListener("click", trySample);
$("file").addEventListener("change", (event) => { uploadAll([...event.target.files]); event.target.value = ""; });
// Anywhere on the page: a clip dropped beside the frame would make the browser leave the page for it.
for (const name of ["dragenter", "dragover"])
  document.addEventListener(name, (event) => { event.preventDefault(); $("drop").classList.add("over"); });
for (const name of ["dragleave", "drop"])
  document.addEventListener(name, (event) => { event.preventDefault(); $("drop").classList.remove("over"); });
document.addEventListener("drop", (event) => uploadAll([...event.dataTransfer.files]));

let recorder = null;
async function record(node, constraints, title) {
  if (recorder) { recorder.stop(); return; }
  let stream;
  const buttons = [$("record"), $("record-sound")];
  for (const each of buttons) each.disabled = true; // while the browser asks: a second stream would stay on
  try {
    stream = await navigator.mediaDevices.getUserMedia(constraints);
    recorder = new MediaRecorder(stream); // in the browser's own format: not every one writes WebM
  } catch (error) {
    for (const track of stream ? stream.getTracks() : []) track.stop();
    complain(`No recording: ${error.message}`);
    return;
  } finally {
    for (const each of buttons) each.disabled = false;
  }
  const parts = [];
  recorder.addEventListener("dataavailable", (event) => parts.push(event.data));
  recorder.addEventListener("stop", () => {
    for (const track of stream.getTracks()) track.stop();
    const kind = recorder.mimeType;
    recorder = null;
    node.textContent = title;
    $("preview").hidden = true;
    $("preview").srcObject = null;
    const time = new Date().toISOString().slice(0, 19).replaceAll(":", "");
    uploadAll([new File(parts, `recording-${time}.${kind.includes("mp4") ? "mp4" : "webm"}`, { type: kind })]);
  });
  if (constraints.video) {
    $("preview").srcObject = stream;
    $("preview").hidden = false;
    $("preview").play();
  }
  node.textContent = "Stop";
  recorder.start();
}
$("record").addEventListener("click", () => record($("record"), { video: true, audio: true }, "Record from the camera"));
$("record-sound").addEventListener("click", () => record($("record-sound"), { audio: true }, "Record sound only"));

fetch("/api/limits").then((answer) => answer.json()).then((found) => {
  limits = found;
  $("limits").textContent = `At most ${Math.round(found.max_upload_bytes / 1048576)} MB and ${Math.round(found.max_duration)} seconds. ` +
    "Your clip stays on this machine and is deleted after use.";
});
fetch("/api/model").then((answer) => answer.json()).then((found) => {
  if (!found.name) { $("model").textContent = "There is no model: reports show measurements only."; return; }
  const command = document.createElement("code");
  command.textContent = `stcorner models ${found.name}`;
  $("model").append(
    `Model ${found.name} labels a clip as ${found.classes.join(", ")}: emotions that actors show, not what a person feels. ` +
      "It is often wrong for new people; ", command, " shows how often. Do not use it to judge anybody.");
}).catch(() => {});
refresh();

// The app's page: it knows nothing but the JSON API.
"use strict";
const $ = (id) => document.getElementById(id);
let limits = null;
let open = null; // id of the job whose report is shown
const wanted = new Set(); // jobs of this page: the newest that gets done is opened

function say(text, bad) {
  $("message").textContent = text;
  $("message").className = bad ? "bad" : "";
}

async function upload(blob, name) {
  if (limits && blob.size > limits.max_upload_bytes) {
    say(`${name} is larger than ${Math.round(limits.max_upload_bytes / 1048576)} MB`, true);
    return;
  }
  say(`Sending ${name} …`);
  const answer = await fetch(`/api/jobs?name=${encodeURIComponent(name)}`, {
    method: "POST",
    headers: { "Content-Type": "application/octet-stream" },
    body: blob,
  });
  const job = await answer.json();
  if (!answer.ok) { say(`${name}: ${job.error}`, true); return; }
  say("");
  wanted.add(job.id);
  refresh();
}

async function uploadAll(files) {
  for (const file of files) {
    try { await upload(file, file.name); } catch (error) { say(`${file.name}: ${error.message}`, true); }
  }
}

// ---- history ------------------------------------------------------------------------------------
function button(text, action) {
  const node = document.createElement("button");
  node.type = "button";
  node.textContent = text;
  node.addEventListener("click", action);
  return node;
}

function line(job) {
  const item = document.createElement("li");
  item.dataset.state = job.state;
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
    const bar = document.createElement("progress");
    bar.max = 1;
    bar.value = job.progress;
    bar.setAttribute("aria-label", `${job.name}: ${job.stage || job.state}`);
    state.append(bar, document.createTextNode(job.stage || job.state));
  }
  const actions = document.createElement("span");
  actions.className = "actions";
  if (job.state === "done") actions.append(button("Show", () => show(job)));
  if (job.state === "done" || job.state === "failed") actions.append(button("Delete", () => remove(job)));
  item.append(name, state, actions);
  return item;
}

async function refresh() {
  let jobs;
  try {
    jobs = (await (await fetch("/api/jobs")).json()).jobs;
  } catch {
    say("The server does not answer.", true);
    return;
  }
  $("history").replaceChildren(...jobs.map(line));
  for (const job of jobs)
    if (wanted.has(job.id) && (job.state === "done" || job.state === "failed")) {
      wanted.delete(job.id);
      if (job.state === "done") show(job); else say(`${job.name}: ${job.error}`, true);
    }
  if (jobs.some((job) => job.state === "waiting" || job.state === "running")) setTimeout(refresh, 400);
}

function show(job) {
  open = job.id;
  $("result").hidden = false;
  $("result-title").textContent = `Report of ${job.name}`;
  $("report").src = `/api/jobs/${job.id}/report.html`;
  const links = [["report.html?download=1", "Report"], ["features.csv", "CSV"], ["features.parquet", "Parquet"], ["features.json", "JSON"]];
  $("downloads").replaceChildren(...links.map(([path, text]) => {
    const link = document.createElement("a");
    link.href = `/api/jobs/${job.id}/${path}`;
    link.textContent = text;
    link.setAttribute("download", "");
    return link;
  }));
}

async function remove(job) {
  await fetch(`/api/jobs/${job.id}`, { method: "DELETE" });
  if (open === job.id) { $("result").hidden = true; $("report").removeAttribute("src"); open = null; }
  refresh();
}

// ---- ways in ------------------------------------------------------------------------------------
$("file").addEventListener("change", (event) => { uploadAll([...event.target.files]); event.target.value = ""; });
for (const name of ["dragenter", "dragover"])
  $("drop").addEventListener(name, (event) => { event.preventDefault(); $("drop").classList.add("over"); });
for (const name of ["dragleave", "drop"])
  $("drop").addEventListener(name, (event) => { event.preventDefault(); $("drop").classList.remove("over"); });
$("drop").addEventListener("drop", (event) => uploadAll([...event.dataTransfer.files]));

let recorder = null;
async function record(node, constraints, title) {
  if (recorder) { recorder.stop(); return; }
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia(constraints);
  } catch (error) {
    say(`No recording: ${error.message}`, true);
    return;
  }
  const parts = [];
  const kind = constraints.video ? "video/webm" : "audio/webm";
  recorder = new MediaRecorder(stream, { mimeType: kind });
  recorder.addEventListener("dataavailable", (event) => parts.push(event.data));
  recorder.addEventListener("stop", () => {
    for (const track of stream.getTracks()) track.stop();
    recorder = null;
    node.textContent = title;
    $("preview").hidden = true;
    $("preview").srcObject = null;
    upload(new Blob(parts, { type: kind }), `recording-${new Date().toISOString().slice(0, 19).replaceAll(":", "")}.webm`);
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
  $("limits").textContent = `At most ${Math.round(found.max_upload_bytes / 1048576)} MB and ${Math.round(found.max_duration)} seconds.`;
});
refresh();

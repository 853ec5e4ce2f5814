"use strict";
// Shows the screen and what happened at any moment of a build.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const el = (id) => document.getElementById(id);
  const screen = el("screen"), slider = el("time"), film = el("film"), notes = el("notes");
  const lines = [...document.querySelectorAll("#serial [data-t]")];
  const tracks = [...document.querySelectorAll(".track")];
  const urls = [...document.querySelectorAll(".picture")].map((p) => "data:image/png;base64," + p.textContent);
  const cursors = [];
  let at = 0, timer = 0;

  const clock = (ms) => {
    const s = Math.floor(ms / 1000), two = (n) => String(n).padStart(2, "0");
    if (ms < 60000) return (ms / 1000).toFixed(1) + " s";
    if (s < 3600) return Math.floor(s / 60) + ":" + two(s % 60) + " min";
    return Math.floor(s / 3600) + ":" + two(Math.floor(s / 60) % 60) + ":" + two(s % 60) + " h";
  };

  // upTo returns the index of the last item whose time is not after t, or -1.
  const upTo = (items, t, time) => {
    let low = 0, high = items.length;
    while (low < high) {
      const mid = (low + high) >> 1;
      if (time(items[mid]) <= t) low = mid + 1; else high = mid;
    }
    return low - 1;
  };

  const make = (name, className, text) => {
    const e = document.createElement(name);
    if (className) e.className = className;
    if (text !== undefined) e.textContent = text;
    return e;
  };

  // within scrolls a box, and not the page, until an item of it is seen.
  const within = (box, item) => {
    if (!item) { box.scrollTop = 0; return; }
    const b = box.getBoundingClientRect(), i = item.getBoundingClientRect();
    if (i.top < b.top || i.bottom > b.bottom) box.scrollTop += i.top - b.top - (b.height - i.height) / 2;
    if (i.left < b.left || i.right > b.right) box.scrollLeft += i.left - b.left - (b.width - i.width) / 2;
  };

  // mark shows which item of a list is the one of now.
  const marked = new Map();
  const mark = (items, n) => {
    marked.get(items)?.classList.remove("now");
    marked.set(items, items[n]);
    items[n]?.classList.add("now");
  };

  // The lists are long: only what changes is touched.
  const strip = [], items = [];
  let past = -1;

  const show = (t) => {
    at = Math.max(0, Math.min(data.length, Math.round(t)));
    const f = upTo(data.frames, at, (x) => x[0]);
    screen.hidden = f < 0;
    el("blank").hidden = f >= 0;
    if (f >= 0) {
      const url = urls[data.frames[f][1]];
      if (screen.src !== url) screen.src = url;
      screen.alt = "The guest's screen at " + clock(at);
    }
    el("caption").textContent = f < 0 ? "" : "Picture " + (f + 1) + " of " + data.frames.length + ", taken at " + clock(data.frames[f][0]);
    slider.value = at;
    slider.setAttribute("aria-valuetext", clock(at));
    el("now").textContent = clock(at);
    for (const c of cursors) c.style.left = (100 * at / data.length) + "%";

    const shown = upTo(strip, at, (b) => Number(b.dataset.t));
    mark(strip, shown);
    within(film, strip[shown]);
    const last = upTo(data.notes, at, (n) => n.t);
    mark(items, last);
    for (; past < last; past++) items[past + 1].classList.remove("later");
    for (; past > last; past--) items[past].classList.add("later");
    within(notes, items[last]);
    const line = upTo(lines, at, (l) => Number(l.dataset.t));
    mark(lines, line);
    if (lines.length) within(el("serial"), lines[line]);
  };

  // step goes to another picture.
  const step = (by) => {
    const f = upTo(data.frames, at, (x) => x[0]) + by;
    if (f >= 0 && f < data.frames.length) show(data.frames[f][0]);
    else show(f < 0 ? 0 : data.length);
  };

  // play shows the whole build in half a minute, or in its own time if that is less.
  const play = (on) => {
    clearInterval(timer);
    timer = 0;
    el("play").textContent = on ? "Stop" : "Play";
    el("play").setAttribute("aria-pressed", String(on));
    if (!on) return;
    if (at >= data.length) show(0);
    const speed = Math.max(1, data.length / 30000);
    let before = performance.now();
    timer = setInterval(() => {
      const now = performance.now();
      show(at + (now - before) * speed);
      before = now;
      if (at >= data.length) play(false);
    }, 100);
  };

  const hinted = new Set(); // each hint once
  data.notes.forEach((n) => {
    const item = make("li", n.kind + " later" + (n.class ? " " + n.class : "")), b = make("button");
    b.type = "button";
    const text = make("span", "", n.text);
    if (n.hint && !hinted.has(n.hint)) text.append(make("small", "", n.hint));
    hinted.add(n.hint);
    b.append(make("time", "", clock(n.t)), text);
    b.onclick = () => { play(false); show(n.t); };
    item.append(b);
    notes.append(item);
    items.push(item);
  });

  // The strip has what was not there just before, from all over the build, and at
  // most fifty pictures.
  const fresh = data.frames.filter(([, n], i) => !data.frames.slice(Math.max(0, i - 4), i).some(([, m]) => m === n));
  const every = Math.max(1, Math.ceil(fresh.length / 50));
  fresh.forEach(([t, n], i) => {
    if (i % every && i !== fresh.length - 1) return;
    const b = make("button"), img = make("img");
    b.type = "button";
    b.dataset.t = t;
    img.src = urls[n];
    img.alt = "The screen at"; // the time follows
    b.append(img, clock(t));
    b.onclick = () => { play(false); show(t); };
    film.append(b);
    strip.push(b);
  });

  for (const track of tracks) {
    cursors.push(make("span", "cursor"));
    track.append(cursors.at(-1));
    const seek = (e) => {
      const box = track.getBoundingClientRect();
      play(false);
      show((e.clientX - box.left) / box.width * data.length);
    };
    track.onclick = seek;
    track.onpointermove = (e) => { if (e.pointerType === "mouse") seek(e); };
  }
  for (const li of document.querySelectorAll(".bars li[data-t] .name")) {
    li.onclick = () => { play(false); show(Number(li.parentElement.dataset.t)); };
  }
  slider.max = data.length;
  slider.oninput = () => { play(false); show(Number(slider.value)); };
  el("play").onclick = () => play(!timer);
  el("back").onclick = () => { play(false); step(-1); };
  el("next").onclick = () => { play(false); step(1); };
  document.addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.altKey || e.metaKey || !(e.target instanceof Element) || e.target.closest("input, pre")) return;
    if (e.key === "ArrowLeft") { play(false); step(-1); }
    else if (e.key === "ArrowRight") { play(false); step(1); }
    else if (e.key === " " && !e.target.closest("button, summary")) play(!timer);
    else return;
    e.preventDefault();
  });

  for (const box of document.querySelectorAll(".tail")) box.scrollTop = box.scrollHeight;
  el("player").hidden = false;
  // What is in sight changes with the window and when the pictures are there: at
  // once, where a person sees the strip move.
  const settle = (t) => {
    film.style.scrollBehavior = "auto";
    show(t);
    film.style.scrollBehavior = "";
  };
  settle(data.length);
  for (const kind of ["load", "resize"]) addEventListener(kind, () => settle(at));
})();

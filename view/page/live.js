"use strict";
// Shows a running build: asks for what has happened and for the screen, each as
// soon as there is news, and draws it.
(() => {
  const el = (id) => document.getElementById(id);
  const canvas = el("screen"), notes = el("notes"), bars = el("bars"), serial = el("serial");
  const token = document.body.dataset.token, title = document.body.dataset.title;
  const spans = [];
  let seq = 0, version = "", offset = 0, end = null, total = 0;

  const pause = (ms) => new Promise((done) => setTimeout(done, ms));
  const visible = () => document.hidden
    ? new Promise((done) => document.addEventListener("visibilitychange", done, { once: true })) : null;
  const now = () => end ? end.t : performance.now() + offset;
  const clock = (ms) => {
    const s = Math.floor(ms / 1000), two = (n) => String(n).padStart(2, "0");
    if (ms < 60000) return (ms / 1000).toFixed(1) + " s";
    if (s < 3600) return Math.floor(s / 60) + ":" + two(s % 60) + " min";
    return Math.floor(s / 3600) + ":" + two(Math.floor(s / 60) % 60) + ":" + two(s % 60) + " h";
  };
  const make = (name, className, text) => {
    const e = document.createElement(name);
    if (className) e.className = className;
    if (text !== undefined) e.textContent = text;
    return e;
  };

  // brief shortens an error that stands in front of the page in full.
  const brief = (text) => {
    const all = [...text];
    return all.length > 160 ? all.slice(0, 160).join("") + "…" : text;
  };

  // words says what an entry means; "" for what is shown otherwise.
  const words = (e) => {
    switch (e.kind) {
      case "phase": return "phase: " + e.name;
      case "step": return "step " + ((e.index || 0) + 1) + " of " + e.total + ": " + e.name;
      case "step-done": return e.err ? "failed: " + brief(e.err) : "";
      case "typing": return "typing: " + e.name + (e.text ? ": " + e.text : "");
      case "typed": return e.done === e.total ? "all typed" : "";
      case "progress": return e.total > 0 && e.done === e.total ? e.name + ": done" : "";
      case "end": return e.err ? "the build has failed" : "the build has succeeded";
      case "event": return e.name + (e.text ? ": " + e.text : "");
      case "serial": return "";
    }
    return e.text || "";
  };

  // append adds to a box that scrolls, and follows if its end is in sight, also
  // when the box gets another size.
  const astray = new Set(), tops = new Map();
  const follow = (box) => { if (!astray.has(box)) box.scrollTop = box.scrollHeight; };
  const append = (box, item, most) => {
    box.append(item);
    while (box.childElementCount > most) box.firstElementChild.remove();
    follow(box);
  };
  const sizes = new ResizeObserver((changed) => changed.forEach((c) => follow(c.target)));
  for (const box of [notes, serial]) {
    sizes.observe(box);
    box.addEventListener("scroll", () => { // only a person moves it up
      if (box.scrollTop + box.clientHeight >= box.scrollHeight - 24) astray.delete(box);
      else if (box.scrollTop < tops.get(box)) astray.add(box);
      tops.set(box, box.scrollTop);
    }, { passive: true });
  }

  const hinted = new Set(); // each hint once
  const note = (e, text) => {
    const item = make("li", e.kind + (e.status >= 400 ? " missed" : "") + (e.found ? " " + e.found.class + (e.found.fails ? " fails" : "") : "")), line = make("div");
    const said = make("span", "", text);
    if (e.found && e.found.hint && !hinted.has(e.found.hint)) {
      said.append(make("small", "", e.found.hint));
      hinted.add(e.found.hint);
    }
    line.append(make("time", "", clock(e.t)), said);
    item.append(line);
    append(notes, item, 500);
  };

  const row = (s) => {
    s.li = make("li", s.kind + " open");
    s.name_ = make("span", "name", s.name);
    s.took = make("span", "took", "");
    s.bar = make("span", "bar");
    const track = make("span", "track");
    track.append(s.bar);
    s.li.append(s.name_, track, s.took);
    if (!spans.length && !marks.length) bars.textContent = "";
    spans.push(s);
    bars.append(s.li);
  };

  // found shows where in the timeline a rule has found something.
  const marks = [];
  const found = (e) => {
    if (!marks.length) {
      if (!spans.length) bars.textContent = "";
      const li = make("li", "marks");
      li.append(make("span", "name", "What the guest said"), make("span", "track"), make("span", "took"));
      bars.prepend(li);
    }
    const mark = make("span", "mark " + e.found.class + (e.found.fails ? " fails" : ""));
    mark.title = clock(e.t) + " " + e.text;
    marks.push({ t: e.t, mark: mark });
    bars.querySelector(".marks .track").append(mark);
    bars.querySelector(".marks .took").textContent = marks.length;
  };

  const close = (e) => {
    const s = spans.findLast((s) => s.to === undefined && s.kind + "-done" === e.kind && s.name === e.name);
    if (s) finish(s, e.t, e.err);
  };
  const finish = (s, t, err) => {
    s.to = t;
    s.li.classList.remove("open");
    if (err) {
      s.li.classList.add("bad");
      s.name_.append(make("span", "flag", " failed"));
    }
  };

  const layout = () => {
    total = Math.max(1, now());
    for (const s of spans) {
      const to = s.to === undefined ? total : s.to;
      s.bar.style.left = 100 * s.from / total + "%";
      s.bar.style.width = 100 * (to - s.from) / total + "%";
      const took = to - s.from, text = took < 1000 && s.to !== undefined ? Math.round(took) + " ms" : clock(took);
      if (s.took.textContent !== text) s.took.textContent = text;
    }
    for (const m of marks) m.mark.style.left = 100 * m.t / total + "%";
  };

  const activity = (text) => {
    el("activity").textContent = text;
    el("blank").textContent = "No picture yet: " + text;
  };

  const apply = (e) => {
    seq = e.seq;
    if (e.kind === "phase" || e.kind === "step") {
      row({ kind: e.kind, name: e.name, from: e.t });
      activity(e.kind === "phase" ? "phase " + e.name : e.name);
    } else if (e.kind === "phase-done" || e.kind === "step-done") close(e);
    else if (e.kind === "progress" || e.kind === "typed") {
      const known = e.total > 0;
      activity(e.name + (known ? " " + Math.floor(100 * (e.done || 0) / e.total) + " %" : ""));
    } else if (e.kind === "serial") {
      el("silent").hidden = true;
      serial.hidden = false;
      const line = make("span");
      line.append(make("i", "", clock(e.t)), " " + (e.text || "") + "\n");
      append(serial, line, 2000);
    } else if (e.kind === "found") found(e);
    else if (e.kind === "end") over(e);
    const text = words(e);
    if (text) note(e, text);
  };

  const over = (e) => {
    end = e;
    const verdict = el("verdict");
    verdict.textContent = e.err ? "failed" : "succeeded";
    verdict.className = "verdict " + (e.err ? "bad" : "good");
    document.title = title + ": " + verdict.textContent;
    activity("after " + clock(e.t));
    for (const s of spans) if (s.to === undefined) finish(s, e.t, e.err);
    if (e.err) {
      el("failure").hidden = false;
      failed(e);
    }
    el("blank").textContent = "The machine has shown nothing.";
    last();
    layout();
  };

  // failed tells why, in the guest's words if it has said something.
  const failed = (e) => {
    const f = e.failure, said = f && f.found;
    if (f) el("why").textContent = "Failed in step “" + f.step + "”";
    if (f && f.name) el("why").append(" ", make("span", "name", f.name));
    el("error").textContent = said ? [said.text].concat(said.more || []).join("\n") : f && f.cause || e.err;
    if (!said) return;
    const fill = (id, text) => { el(id).hidden = !text; el(id).textContent = text; };
    fill("where", said.where ? "The guest said so in " + said.where + "." : "");
    fill("advice", said.hint || "");
    el("whole").hidden = false;
    el("all").textContent = e.err;
  };

  // last says what the picture is when the build has ended.
  const last = () => { if (end && version) el("caption").textContent = "The screen as it was last."; };

  const lost = (text) => {
    el("lost").hidden = !text;
    el("lost").textContent = text;
  };

  // listen asks for what has happened until the build has ended.
  const listen = async () => {
    while (!end) {
      try {
        const answer = await fetch("events?after=" + seq, { cache: "no-store" });
        if (!answer.ok) throw new Error(await answer.text());
        const news = await answer.json();
        offset = news.now - performance.now();
        news.entries.forEach(apply);
        layout();
        lost("");
      } catch (err) {
        lost("The program that builds does not answer any more; this is what it said last.");
        await pause(2000);
      }
    }
  };

  // watch draws the screen until the build has ended and the last picture is there.
  const watch = async () => {
    for (;;) {
      await visible();
      try {
        const stop = end ? AbortSignal.timeout(1000) : undefined;
        const answer = await fetch("frame?after=" + version, { cache: "no-store", signal: stop });
        if (answer.status === 200) {
          const picture = await createImageBitmap(await answer.blob());
          if (canvas.width !== picture.width) canvas.width = picture.width;
          if (canvas.height !== picture.height) canvas.height = picture.height;
          canvas.getContext("2d").drawImage(picture, 0, 0);
          picture.close();
          version = answer.headers.get("Version");
          canvas.hidden = false;
          last();
          el("blank").hidden = true;
          canvas.dataset.frames = Number(canvas.dataset.frames || 0) + 1;
        } else if (answer.status !== 204) throw new Error();
        else if (end) return;
      } catch (err) {
        if (end) return;
        await pause(1000);
      }
    }
  };

  // A person's keys and pointer, where the program allows it. They go one after
  // the other, and what came meanwhile goes together.
  const control = () => {
    let keys = [], pointer = null, sending = false;
    const held = new Set();
    const send = async () => {
      if (sending) return;
      sending = true;
      while (keys.length || pointer) {
        const body = JSON.stringify({ keys: keys, pointer: pointer || undefined });
        keys = [];
        pointer = null;
        try {
          const answer = await fetch("input", { method: "POST", body: body, keepalive: true,
            headers: { "Content-Type": "application/json", "Token": token } });
          el("caption").textContent = answer.ok ? "Typing to the guest; Ctrl and Alt together let go." : "Not sent: " + await answer.text();
        } catch (err) {
          el("caption").textContent = "Not sent: the program does not answer.";
        }
      }
      sending = false;
    };
    const key = (code, down) => {
      if (down) held.add(code); else held.delete(code);
      keys.push({ code: code, down: down });
      send();
    };
    const release = () => { for (const code of [...held]) key(code, false); };
    canvas.addEventListener("keydown", (e) => {
      e.preventDefault();
      if (e.ctrlKey && e.altKey && /^(Control|Alt)/.test(e.code)) { canvas.blur(); return; }
      if (e.code) key(e.code, true);
    });
    canvas.addEventListener("keyup", (e) => {
      e.preventDefault();
      if (held.has(e.code)) key(e.code, false);
    });
    canvas.addEventListener("blur", release);
    addEventListener("pagehide", release);
    // The buttons of a browser are left, right, middle; those of VNC left, middle, right.
    const buttons = (b) => b & 1 | (b & 4) >> 1 | (b & 2) << 1;
    const point = (e) => {
      const box = canvas.getBoundingClientRect();
      const scale = Math.min(box.width / canvas.width, box.height / canvas.height);
      pointer = { x: Math.round((e.clientX - box.left - (box.width - canvas.width * scale) / 2) / scale),
        y: Math.round((e.clientY - box.top - (box.height - canvas.height * scale) / 2) / scale), buttons: buttons(e.buttons) };
      send();
    };
    for (const kind of ["pointermove", "pointerdown", "pointerup"]) canvas.addEventListener(kind, point);
    canvas.addEventListener("contextmenu", (e) => e.preventDefault());
  };

  if (token) control();
  setInterval(() => { if (!end && !document.hidden) layout(); }, 500);
  listen();
  watch();
})();

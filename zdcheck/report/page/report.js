"use strict";
// Moves along the run that the page holds. Everything that comes from a spec is set as text.
(() => {
  const root = document.documentElement;
  const data = JSON.parse(document.getElementById("data").textContent);
  const text = (number) => data.strings[number];
  const byId = (id) => document.getElementById(id);
  const last = data.steps.length;
  const slider = byId("slider");
  const wide = matchMedia("(min-width: 62rem)");
  const widest = matchMedia("(min-width: 100rem)");
  root.classList.add("js", "greys");

  let here = last;
  let chosen = null;
  let panel = "state";

  // --- what was when ---------------------------------------------------------------------

  // The last entry of `entries` (each begins with its step) that is at or before `step`.
  const at = (entries, step) => {
    let low = 0;
    let high = entries.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (entries[middle][0] <= step) low = middle;
      else high = middle - 1;
    }
    return low;
  };
  const row = (step) => byId("s" + step);
  const after = (step) =>
    step === 0 ? "in the initial state" : step === last ? "after the last step" : "after step " + step;

  // --- drawing ---------------------------------------------------------------------------

  const element = (tag, className, content) => {
    const made = document.createElement(tag);
    if (className) made.className = className;
    if (content !== undefined) made.textContent = content;
    return made;
  };

  const variables = data.variables.map((variable, number) => {
    const line = byId("v" + number);
    return { ...variable, line, value: line.cells[1], before: line.cells[2] };
  });

  const drawState = () => {
    for (const v of variables) {
      const index = at(v.values, here);
      const changed = here > 0 && v.values[index][0] === here;
      v.value.textContent = text(v.values[index][1]);
      v.before.textContent = changed ? text(v.values[index - 1][1]) : "";
      v.line.classList.toggle("changed", changed);
    }
  };

  const ledgers = [...document.querySelectorAll(".count")].map((count) => ({
    levels: data.counts[Number(count.dataset.c)],
    line: count.querySelector(".ledger"),
  }));
  const drawCounts = () => {
    for (const { levels, line } of ledgers) {
      const [, value, words, right] = levels[at(levels, here)];
      line.classList.toggle("wrong", value !== null && !right);
      line.textContent = value === null ? "does not live" : value + text(words);
    }
  };

  // A cursor over each block of lanes: a layer of its own, so that moving it draws no lane again.
  const cursors = [...document.querySelectorAll(".lanes")].map((lanes) => {
    const over = element("div", "over");
    const cursor = element("div", "cursor");
    over.append(cursor);
    lanes.append(over);
    lanes.addEventListener("click", (event) => {
      const box = over.getBoundingClientRect();
      const part = (event.clientX - box.left) / box.width;
      if (event.target.closest(".lane") && part >= 0) go(Math.floor(part * (last + 1)), { scroll: wide.matches });
    });
    return cursor;
  });
  const drawCursors = () => {
    const move = "translateX(" + (100 * (here + 0.5)) / (last + 1) + "%)";
    for (const cursor of cursors) cursor.style.transform = move;
  };

  const truths = [...document.querySelectorAll(".truth")];
  const drawTruths = () => {
    data.properties.forEach((entries, number) => {
      const word = text(entries[at(entries, here)][1]);
      truths[number].textContent = word;
      truths[number].className = "truth " + word.replace(" ", "-");
    });
  };

  const files = [...document.querySelectorAll(".file")];
  const names = files.map((file) => file.querySelector("summary").textContent);
  for (const file of files) file.open = true;
  const linesOf = files.map((file) => file.querySelectorAll(".lines > li"));
  const fileChoice = byId("file");
  const follow = byId("follow");
  const color = (thread) => {
    const found = [...row0(thread)].find((name) => /^t\d$/.test(name));
    return found || "";
  };
  const firstRow = new Map();
  data.steps.forEach(([thread], index) => {
    if (!firstRow.has(thread)) firstRow.set(thread, index + 1);
  });
  const row0 = (thread) => (firstRow.has(thread) ? row(firstRow.get(thread)).classList : []);
  let marked = [];
  const drawSource = () => {
    for (const undo of marked) undo();
    marked = [];
    const mark = (line, name) => {
      line.classList.add(name);
      marked.push(() => line.classList.remove(name));
    };
    const spots = here > 0 ? data.steps[here - 1][1] : [];
    spots.forEach(([file, line], depth) => {
      const shown = linesOf[file][line - 1];
      if (shown) mark(shown, depth === spots.length - 1 ? "ran" : "via");
    });
    data.walks.forEach((stands, thread) => {
      const [, where] = stands[at(stands, here)];
      where.forEach(([file, line], depth) => {
        const shown = linesOf[file][line - 1];
        if (!shown) return;
        const inner = depth === where.length - 1;
        const badge = element("span", "stands " + color(thread) + (inner ? "" : " calls"), (inner ? "◀ " : "") + text(data.threads[thread]));
        shown.append(badge);
        marked.push(() => badge.remove());
      });
    });
    byId("source").querySelector(".stack").textContent =
      here === 0 ? "Before the first step." : spots.map(called).join(" › ");
    const inner = spots[spots.length - 1];
    const own = spots.filter(([file]) => file === 0).pop();
    const wanted = follow.checked ? inner : own || inner;
    if (wanted) {
      showFile(wanted[0]);
      reveal(linesOf[wanted[0]][wanted[1] - 1]);
    }
  };
  // `put_page() page:35`: the function that a line is in, and where.
  const called = ([file, line]) => {
    const inside = data.functions[file].findLast(([begin]) => begin <= line);
    return (inside ? text(inside[1]) + " " : "") + short(file) + ":" + line;
  };
  const short = (file) => names[file].replace(/^.*\//, "").replace(/\.zd$/, "");
  const showFile = (number) => {
    fileChoice.value = String(number);
    files.forEach((file, index) => file.classList.toggle("away", index !== number));
  };
  // Scrolls the pane beside the steps; where panes are behind tabs, the page.
  const reveal = (line) => {
    const box = byId("source");
    if (!line || box.offsetParent === null) return;
    if (!wide.matches) {
      line.scrollIntoView({ block: "nearest" });
      return;
    }
    const frame = box.getBoundingClientRect();
    const top = Math.max(frame.top, 0);
    const bottom = Math.min(frame.bottom, document.querySelector(".bar").getBoundingClientRect().top);
    const place = line.getBoundingClientRect();
    if (place.top < top + 60 || place.bottom > bottom - 20) box.scrollTop += place.top - (top + bottom) / 2;
  };

  // What ran inside a call says more than the call.
  const codeOf = (step) => {
    const code = row(step).querySelector(".inside code") || row(step).querySelector(".call code");
    return code ? code.textContent : "";
  };
  const drawHere = () => {
    const output = byId("here");
    output.textContent = "";
    if (here === 0) {
      output.textContent = "0 of " + last + ": the initial state";
      return;
    }
    output.append(here + " of " + last + ": ");
    output.append(element("b", color(data.steps[here - 1][0]), text(data.threads[data.steps[here - 1][0]])));
    output.append(" " + codeOf(here));
  };

  let now = null;
  const draw = () => {
    if (now) {
      now.classList.remove("now");
      now.removeAttribute("aria-current");
    }
    now = row(here);
    now.classList.add("now");
    now.setAttribute("aria-current", "step");
    slider.value = String(here);
    slider.setAttribute("aria-valuetext", "step " + here + " of " + last);
    for (const label of document.querySelectorAll("h2 .at")) label.textContent = after(here);
    drawState();
    drawCounts();
    drawCursors();
    drawTruths();
    drawSource();
    drawHere();
    drawWhy();
  };

  const go = (step, { scroll = true, address = true } = {}) => {
    here = Math.max(0, Math.min(last, step));
    draw();
    if (scroll && now.offsetParent !== null) now.scrollIntoView({ block: "nearest" });
    if (address) {
      try {
        history.replaceState(null, "", "#s" + here);
      } catch {
        // Some viewers of artifacts allow no address.
      }
    }
  };

  // --- why -------------------------------------------------------------------------------

  const causes = () => {
    const found = new Map();
    const waiting = [[chosen, here, 4]];
    const asked = new Set();
    while (waiting.length) {
      const [number, step, left] = waiting.shift();
      const key = number + " " + step;
      if (asked.has(key)) continue;
      asked.add(key);
      const variable = data.variables[number];
      const [since, value, reads] = variable.values[at(variable.values, step)];
      found.set(number + " " + since, { number, since, value, reads });
      if (since > 0 && left > 1) for (const read of reads) waiting.push([read, since - 1, left - 1]);
    }
    return [...found.values()].sort((a, b) => b.since - a.since);
  };

  const drawWhy = () => {
    const box = byId("why");
    if (chosen === null || !box.classList.contains("on")) return;
    box.querySelector(".none").hidden = true;
    box.querySelector(".at").textContent = text(data.variables[chosen].name) + " is so " + after(here);
    const list = box.querySelector(".causes");
    list.textContent = "";
    for (const cause of causes()) {
      const item = element("li");
      item.append(element("code", "", text(data.variables[cause.number].name) + " = " + text(cause.value)));
      item.append(element("br"));
      if (cause.since === 0) item.append("since the start");
      else {
        const link = element("a", "to", "step " + cause.since + ", " + text(data.threads[data.steps[cause.since - 1][0]]));
        link.href = "#s" + cause.since;
        item.append(link, ": ", element("code", "", codeOf(cause.since)));
      }
      if (cause.reads.length) {
        const names = cause.reads.map((read) => text(data.variables[read].name)).join(", ");
        item.append(element("br"), element("span", "from", "made from " + names));
      }
      list.append(item);
    }
  };

  const choose = (number) => {
    chosen = number;
    variables.forEach((v, index) => v.line.classList.toggle("chosen", index === number));
    for (const line of document.querySelectorAll(".touches")) line.classList.remove("touches");
    for (const [step] of data.variables[number].values) if (step > 0) row(step).classList.add("touches");
    drawWhy();
  };
  const change = (direction) => {
    if (chosen === null) return say("choose a variable in the state first");
    const steps = data.variables[chosen].values.map(([step]) => step).filter((step) => step > 0);
    const next = direction > 0 ? steps.find((step) => step > here) : steps.findLast((step) => step < here);
    if (next === undefined) say("it does not change there");
    else go(next);
  };
  byId("state").addEventListener("click", (event) => {
    const button = event.target.closest(".var");
    if (button) choose(Number(button.dataset.v));
  });

  // --- panels ----------------------------------------------------------------------------

  const tabs = [...document.querySelectorAll("[role=tab]")];
  const show = (name) => {
    if (name === "source" && widest.matches) name = panel === "source" ? "state" : panel;
    if (name === "steps" && wide.matches) name = "state";
    panel = name;
    for (const tab of tabs) {
      const on = tab.dataset.panel === name;
      tab.setAttribute("aria-selected", String(on));
      tab.setAttribute("aria-controls", tab.dataset.panel);
      tab.tabIndex = on ? 0 : -1;
      byId(tab.dataset.panel).classList.toggle("on", on);
    }
    draw();
    if (name === "graph") centre();
  };
  // The run may lie anywhere in its graph: show where it begins.
  const centre = () => {
    const box = document.querySelector(".drawing");
    const start = box.querySelector(".zdg-marked, .zdg-start");
    if (!start || box.scrollTop || box.scrollLeft) return;
    const place = start.getBoundingClientRect();
    const frame = box.getBoundingClientRect();
    box.scrollLeft = place.left + place.width / 2 - frame.left - frame.width / 2;
  };
  tabs.forEach((tab) => {
    tab.addEventListener("click", () => show(tab.dataset.panel));
    tab.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      const shown = tabs.filter((other) => other.offsetParent !== null);
      const next = shown[(shown.indexOf(tab) + step + shown.length) % shown.length];
      show(next.dataset.panel);
      next.focus();
      event.preventDefault();
      event.stopPropagation();
    });
  });
  for (const query of [wide, widest]) query.addEventListener("change", () => show(panel));

  // --- searching -------------------------------------------------------------------------

  const search = byId("search");
  let hits = [];
  const texts = [];
  const textOf = (step) => (texts[step] ??= row(step).textContent.replace(/\s+/g, " ").toLowerCase());
  const find = () => {
    for (const step of hits) row(step).classList.remove("hit");
    const wanted = search.value.trim().toLowerCase();
    hits = [];
    if (wanted) for (let step = 1; step <= last; step += 1) if (textOf(step).includes(wanted)) hits.push(step);
    for (const step of hits) row(step).classList.add("hit");
    said();
  };
  const said = () => {
    const place = hits.indexOf(here) + 1;
    byId("found").textContent = !search.value.trim() ? "" : place ? place + " of " + hits.length : hits.length + " found";
  };
  const hit = (direction) => {
    if (!hits.length) return;
    const next = direction > 0 ? hits.find((step) => step > here) ?? hits[0] : hits.findLast((step) => step < here) ?? hits[hits.length - 1];
    if (!wide.matches) show("steps");
    go(next);
    said();
  };
  search.addEventListener("input", find);
  search.addEventListener("keydown", (event) => {
    if (event.key === "Enter") {
      hit(event.shiftKey ? -1 : 1);
      event.preventDefault();
    } else if (event.key === "Escape") {
      if (search.value) {
        search.value = "";
        find();
      }
      search.blur();
    }
  });
  byId("find").addEventListener("submit", (event) => event.preventDefault());

  const say = (words) => {
    byId("here").textContent = words;
  };

  // --- state filter, theme, keys ---------------------------------------------------------

  byId("filter").addEventListener("input", (event) => {
    const wanted = event.target.value.trim().toLowerCase();
    byId("state").classList.toggle("sought", wanted !== "");
    for (const v of variables) v.line.classList.toggle("away", !text(v.name).toLowerCase().includes(wanted));
  });
  byId("moving").addEventListener("change", (event) => byId("state").classList.toggle("only", event.target.checked));
  fileChoice.addEventListener("change", () => showFile(Number(fileChoice.value)));
  follow.addEventListener("change", drawSource);

  const themes = ["auto", "light", "dark"];
  const kept = (value) => {
    try {
      if (value === undefined) return localStorage.getItem("zdcheck-theme");
      localStorage.setItem("zdcheck-theme", value);
    } catch {
      // A page from a file may have no storage.
    }
    return null;
  };
  const setTheme = (theme) => {
    if (theme === "auto") delete root.dataset.theme;
    else root.dataset.theme = theme;
    byId("theme").textContent = "Theme: " + theme;
    kept(theme);
  };
  const nextTheme = () => setTheme(themes[(themes.indexOf(root.dataset.theme || "auto") + 1) % themes.length]);
  byId("theme").addEventListener("click", nextTheme);

  const help = byId("help");
  byId("keys").addEventListener("click", () => help.showModal());
  const copy = byId("copy");
  if (copy) {
    copy.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(byId("again").textContent);
        copy.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(byId("again"));
      }
    });
  }

  const thread = (step) => data.steps[step - 1][0];
  const sameThread = (direction) => {
    if (here === 0) return go(1);
    let step = here + direction;
    while (step >= 1 && step <= last && thread(step) !== thread(here)) step += direction;
    if (step >= 1 && step <= last) go(step);
    return undefined;
  };
  const contextSwitch = (direction) => {
    let step = here + direction;
    while (step > 1 && step < last && thread(step) === thread(step - 1)) step += direction;
    go(step);
  };
  // A run that repeats goes on where its loop begins.
  const on = () => go(here === last && data.loop !== null && data.loop <= last ? data.loop : here + 1);

  const panels = ["state", "counts", "source", "props", "why", "graph"].filter((name) => byId(name));
  const keys = {
    j: on,
    ArrowDown: on,
    k: () => go(here - 1),
    ArrowUp: () => go(here - 1),
    J: () => sameThread(1),
    K: () => sameThread(-1),
    g: () => go(0),
    Home: () => go(0),
    G: () => go(last),
    End: () => go(last),
    c: () => contextSwitch(1),
    C: () => contextSwitch(-1),
    n: () => change(1),
    p: () => change(-1),
    N: () => change(-1),
    y: () => (chosen === null ? say("choose a variable in the state first") : show("why")),
    e: () => root.classList.toggle("greys"),
    t: nextTheme,
    "/": () => search.select(),
    "?": () => help.showModal(),
    ...Object.fromEntries(panels.map((name, index) => [String(index + 1), () => show(name)])),
  };
  document.addEventListener("keydown", (event) => {
    const inField = event.target.matches("input:not([type=checkbox]), select, textarea");
    if (event.ctrlKey || event.metaKey || event.altKey || help.open || inField) return;
    const action = keys[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  });

  byId("first").addEventListener("click", () => go(0));
  byId("back").addEventListener("click", () => go(here - 1));
  byId("next").addEventListener("click", on);
  byId("last").addEventListener("click", () => go(last));
  slider.addEventListener("input", () => go(Number(slider.value)));
  byId("steps").addEventListener("click", (event) => {
    const step = event.target.closest(".step");
    if (step && getSelection().isCollapsed) go(Number(step.id.slice(1)), { scroll: false });
  });

  const addressed = () => {
    const match = /^#s(\d+)$/.exec(location.hash);
    if (!match) return false;
    if (!wide.matches) show("steps");
    go(Number(match[1]), { address: false });
    return true;
  };
  addEventListener("hashchange", addressed);

  setTheme(themes.includes(kept()) ? kept() : "auto");
  show(wide.matches ? "state" : "steps");
  addressed();
})();

"use strict";
// Folding works without this script; it adds search, filters and the keyboard.
(() => {
  const search = document.getElementById("search");
  if (!search) return; // nothing differs
  const groups = [...document.querySelectorAll(".group")];
  const chips = [...document.querySelectorAll(".chip")];
  const status = document.getElementById("status");
  const help = document.getElementById("help");
  const shown = () => groups.filter((group) => !group.hidden);

  // The text of a group is read when it is first searched: most pages never are.
  const texts = new Map();
  const textOf = (group) => {
    if (!texts.has(group)) texts.set(group, group.textContent.toLowerCase());
    return texts.get(group);
  };

  const pressed = (kind) =>
    chips.filter((chip) => kind in chip.dataset && chip.ariaPressed === "true").map((chip) => chip.dataset[kind]);

  function filter() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const verdicts = pressed("verdict");
    const severities = pressed("severity");
    for (const group of groups) {
      const has = group.dataset.severities.split(" ");
      group.hidden = !(
        (verdicts.length === 0 || verdicts.includes(group.dataset.verdict)) &&
        (severities.length === 0 || severities.some((severity) => has.includes(severity))) &&
        words.every((word) => textOf(group).includes(word))
      );
    }
    const count = shown().length;
    const noun = groups.length === 1 ? "change" : "changes";
    status.textContent = count === groups.length ? `${count} ${noun}` : `${count} of ${groups.length} ${noun}`;
    document.getElementById("nothing").hidden = count > 0;
  }

  function reset() {
    search.value = "";
    for (const chip of chips) chip.ariaPressed = "false";
    filter();
  }

  function foldAll(open) {
    for (const group of shown()) group.open = open;
  }

  // The current group is the one that has the focus, or else the one that had.
  let current = null;
  document.addEventListener("focusin", (event) => {
    current = event.target.closest(".group") ?? current;
  });

  function move(step) {
    const list = shown();
    if (list.length === 0) return;
    const at = list.indexOf(current);
    const next = list[at < 0 ? 0 : Math.min(Math.max(at + step, 0), list.length - 1)];
    next.querySelector("summary").focus();
    next.scrollIntoView({ block: "nearest" });
  }

  function show(hash) {
    const group = groups.find((group) => "#" + group.id === hash);
    if (!group) return;
    if (group.hidden) reset();
    group.open = true;
    group.querySelector("summary").focus();
    group.scrollIntoView();
  }

  const keys = {
    "/": () => search.focus(),
    j: () => move(1),
    k: () => move(-1),
    o: () => { if (current && !current.hidden) current.open = !current.open; },
    e: () => foldAll(shown().some((group) => !group.open)),
    "?": () => help.showModal(),
    Escape: reset,
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || help.open) return;
    if (event.target === search) {
      if (event.key === "Escape") { reset(); search.blur(); }
      if (event.key === "Enter") move(0);
      return;
    }
    if (!Object.hasOwn(keys, event.key)) return;
    event.preventDefault();
    keys[event.key]();
  });

  search.addEventListener("input", filter);
  for (const chip of chips) {
    chip.addEventListener("click", () => {
      chip.ariaPressed = chip.ariaPressed === "true" ? "false" : "true";
      filter();
    });
  }
  document.getElementById("open-all").addEventListener("click", () => foldAll(true));
  document.getElementById("close-all").addEventListener("click", () => foldAll(false));
  document.getElementById("reset").addEventListener("click", reset);
  document.getElementById("help-button").addEventListener("click", () => help.showModal());
  document.getElementById("help-close").addEventListener("click", () => help.close());
  document.addEventListener("click", (event) => {
    const link = event.target.closest('a[href^="#g"]');
    if (link) show(link.hash);
  });
  window.addEventListener("hashchange", () => show(location.hash));

  // Paper does not unfold.
  let folded = [];
  window.addEventListener("beforeprint", () => {
    folded = [...document.querySelectorAll("details:not([open])")];
    for (const details of folded) details.open = true;
  });
  window.addEventListener("afterprint", () => {
    for (const details of folded) details.open = false;
  });

  filter();
  show(location.hash);
})();

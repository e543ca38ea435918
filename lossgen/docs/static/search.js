// Search over the list of losses that every page holds. Without a script that list serves by itself.
"use strict";
(() => {
  const form = document.querySelector(".search");
  const input = document.getElementById("query");
  const found = document.getElementById("found");
  const count = document.querySelector(".count");
  const list = document.getElementById("losses");

  // Words are compared without case and without what stands between their letters: "crossentropy" finds cross_entropy.
  const letters = (text) => text.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "");
  const losses = [...list.querySelectorAll("a")].map((link) => ({
    name: link.textContent,
    file: link.getAttribute("href"),
    purpose: link.title,
    family: link.closest("ul").previousElementSibling.textContent,
  }));
  let active = -1;

  // 0 where the name begins with the words, 1 where it holds them, 2 where its purpose or family does; -1 where nothing does.
  function rank(loss, query) {
    const name = letters(loss.name);
    if (name.startsWith(letters(query))) return 0;
    if (name.includes(letters(query))) return 1;
    const all = letters(loss.name + loss.purpose + loss.family);
    return query.split(/\s+/).every((word) => all.includes(letters(word))) ? 2 : -1;
  }

  function option(loss, at) {
    const item = document.createElement("li");
    item.id = `found-${at}`;
    item.setAttribute("role", "option");
    item.setAttribute("aria-selected", "false");
    const link = document.createElement("a");
    link.href = loss.file;
    link.tabIndex = -1;
    const name = document.createElement("strong");
    name.textContent = loss.name;
    const purpose = document.createElement("span");
    purpose.textContent = loss.purpose;
    link.append(name, " ", purpose);
    item.append(link);
    return item;
  }

  function show() {
    const query = input.value.trim();
    const ranked = losses.map((loss) => [letters(query) ? rank(loss, query) : -1, loss]).filter(([at]) => at >= 0);
    ranked.sort(([one], [other]) => one - other);
    found.replaceChildren(...ranked.map(([, loss], at) => option(loss, at)));
    found.hidden = ranked.length === 0;
    const number = ranked.length === 1 ? "1 loss" : `${ranked.length || "No"} losses`;
    count.textContent = query ? `${number} found` : "";
    input.setAttribute("aria-expanded", String(ranked.length > 0));
    choose(-1);
  }

  function choose(at) {
    const items = [...found.children];
    active = items.length && at >= 0 ? at % items.length : -1;
    items.forEach((item, other) => item.setAttribute("aria-selected", String(other === active)));
    if (active < 0) return input.removeAttribute("aria-activedescendant");
    input.setAttribute("aria-activedescendant", items[active].id);
    items[active].scrollIntoView({ block: "nearest" });
  }

  function clear() {
    input.value = "";
    show();
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const link = found.querySelectorAll("a")[Math.max(active, 0)];
    if (link) location.href = link.href;
  });
  input.addEventListener("input", show);
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown") choose(active + 1);
    else if (event.key === "ArrowUp") choose(active > 0 ? active - 1 : found.children.length - 1);
    else if (event.key === "Escape") clear();
    else return;
    event.preventDefault();
  });
  document.addEventListener("keydown", (event) => {
    const writes = event.target.closest("input, textarea, select, [contenteditable]");
    if (event.key !== "/" || writes || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    input.focus();
  });
  document.addEventListener("click", (event) => {
    if (!form.contains(event.target)) clear();
  });

  // The list beside the page opens at the loss that is read.
  const here = list.querySelector("[aria-current]");
  if (here) list.scrollTop += here.getBoundingClientRect().top - list.getBoundingClientRect().top - list.clientHeight / 3;

  // What scrolls sideways can be reached by keyboard.
  function reach() {
    for (const box of document.querySelectorAll(".scroll, .display, pre")) {
      if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
      else box.removeAttribute("tabindex");
    }
  }
  addEventListener("resize", reach);
  reach();
  form.hidden = false;
})();

"use strict";
(() => {
  const $ = (id) => document.getElementById(id);

  const select = (element) => {
    const range = document.createRange();
    range.selectNodeContents(element);
    getSelection().removeAllRanges();
    getSelection().addRange(range);
  };
  const copy = async () => {
    select($("undo"));
    try {
      await navigator.clipboard.writeText($("undo").textContent);
      $("copied").textContent = "Copied.";
    } catch {
      $("copied").textContent = document.execCommand("copy") ? "Copied." : "Press Ctrl+C or ⌘C.";
    }
  };
  if ($("copy")) $("copy").addEventListener("click", copy);

  const filter = () => {
    const wanted = $("words").value.normalize("NFKC").toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    rows.forEach((row, index) => {
      row.hidden = !wanted.every((word) => folded[index].includes(word));
      shown += row.hidden ? 0 : 1;
    });
    for (const group of groups) {
      group.hidden = !group.querySelector("li.row:not([hidden])");
      group.open = wanted.length ? !group.hidden : opened.get(group);
    }
    for (const section of sections) section.hidden = !section.querySelector("details:not([hidden])");
    $("shown").textContent = wanted.length ? `${shown} of ${rows.length} shown` : "";
    $("nothing").hidden = shown > 0;
  };
  const rows = [...document.querySelectorAll("li.row")];
  const groups = [...document.querySelectorAll("details")];
  const sections = [...document.querySelectorAll("section")];
  const opened = new Map(groups.map((group) => [group, group.open]));
  const heading = (row) => row.closest("details").querySelector("summary").textContent;
  let folded = null;
  if ($("words")) {
    $("words").addEventListener("input", () => {
      folded ??= rows.map((row) => `${row.textContent} ${heading(row)}`.normalize("NFKC").toLowerCase());
      filter();
    });
    $("filter").addEventListener("submit", (event) => event.preventDefault());
    document.addEventListener("keydown", (event) => {
      if (event.key === "/" && !event.target.matches("input")) {
        event.preventDefault();
        $("words").focus();
      }
    });
  }
  document.documentElement.classList.add("scripted");
})();

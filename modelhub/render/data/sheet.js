"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const rows = [...document.querySelectorAll("li.row")];
  const fields = { words: $("words"), verdict: $("verdict"), type: $("type") };
  const folded = rows.map((row) => row.textContent.normalize("NFKC").toLowerCase());

  const filter = () => {
    const wanted = fields.words.value.normalize("NFKC").toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    rows.forEach((row, index) => {
      const [by, value] = fields.verdict.value.split(/:(.*)/s);
      const fits = (!value || row.dataset[by] === value)
        && (!fields.type.value || row.dataset.type === fields.type.value)
        && wanted.every((word) => folded[index].includes(word));
      row.hidden = !fits;
      shown += fits ? 1 : 0;
    });
    const output = $("shown");
    const counts = { shown, total: rows.length };
    output.textContent = shown === rows.length
      ? "" : output.dataset.shown.replace(/\{(\w+)\}/g, (whole, name) => counts[name] ?? whole);
    $("nothing").hidden = shown > 0 || rows.length === 0;
  };

  const large = JSON.parse($("large").textContent);
  const show = (button) => {
    const thumb = button.querySelector("img");
    $("picture").src = Object.hasOwn(large, button.dataset.large || "") ? large[button.dataset.large] : thumb.src;
    $("picture").alt = thumb.alt;
    $("caption").textContent = thumb.alt;
    $("viewer").showModal();
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button.frame");
    if (button) show(button);
    else if (event.target === $("viewer") || event.target === $("close")) $("viewer").close();
  });
  Object.values(fields).forEach((field) => field.addEventListener("input", filter));
  $("filters").addEventListener("submit", (event) => event.preventDefault());
  $("filters").addEventListener("reset", () => setTimeout(filter));
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && !event.target.matches("input, select") && !$("viewer").open) {
      event.preventDefault();
      fields.words.focus();
    }
  });
  document.documentElement.classList.add("scripted");
  filter();
})();

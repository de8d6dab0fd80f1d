if (byId("words")) {
  const rows = [...document.querySelectorAll("li.row")];
  const groups = [...document.querySelectorAll("details")];
  const sections = [...document.querySelectorAll("section")];
  const opened = new Map(groups.map((group) => [group, group.open]));
  const heading = (row) => row.closest("details").querySelector("summary").textContent;
  let texts = null;

  byId("words").addEventListener("input", () => {
    texts ??= rows.map((row) => folded(`${row.textContent} ${heading(row)}`));
    const wanted = folded(byId("words").value).split(/\s+/).filter(Boolean);
    let shown = 0;
    rows.forEach((row, index) => {
      row.hidden = !wanted.every((word) => texts[index].includes(word));
      shown += row.hidden ? 0 : 1;
    });
    for (const group of groups) {
      group.hidden = !group.querySelector("li.row:not([hidden])");
      group.open = wanted.length ? !group.hidden : opened.get(group);
    }
    for (const section of sections) section.hidden = !section.querySelector("details:not([hidden])");
    const output = byId("shown");
    output.textContent = wanted.length ? filled(output.dataset.shown, { shown, total: rows.length }) : "";
    byId("nothing").hidden = shown > 0;
  });
}

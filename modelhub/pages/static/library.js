{
  const list = byId("cards");
  const cards = [...list.children].map((element, index) => ({
    element, index, marks: element.dataset.in.split(" "), text: null,
  }));
  const boxes = [...document.querySelectorAll("#facets input")];
  const facetOf = new Map(boxes.map((box) => [box.value, box.name]));
  const counts = new Map(boxes.map((box) => [box.value, box.parentElement.querySelector("b")]));
  const also = new Map(boxes.map((box) => [box.value, `${box.parentElement.textContent} ${box.dataset.also}`]));
  // Labels, buttons and advice are the same on many cards: a search among them would find all of these.
  const OWN = "h2, .badge, .chip, .word, .tag, .paste code, .about > .soft:not(.advice)";
  const words = (card) => [...card.element.querySelectorAll(OWN)].map((part) => part.textContent);
  const text = (card) => (card.text ??= folded([...words(card), ...card.marks.map((mark) => also.get(mark))].join("\n")));
  const number = new Intl.NumberFormat(document.documentElement.lang);

  // A card is shown when each facet with a checked box has one that it carries. A box counts the cards that it would
  // show: those that fail in no facet, or in its own only.
  const filter = () => {
    const wanted = folded(byId("words").value).split(/\s+/).filter(Boolean);
    const chosen = new Map();
    for (const box of boxes) if (box.checked) chosen.set(box.name, [...(chosen.get(box.name) ?? []), box.value]);
    const found = new Map(boxes.map((box) => [box.value, 0]));
    let shown = 0;
    for (const card of cards) {
      const matches = wanted.every((word) => text(card).includes(word));
      const failed = [...chosen].filter(([, marks]) => !marks.some((mark) => card.marks.includes(mark)));
      card.element.hidden = !matches || failed.length > 0;
      shown += card.element.hidden ? 0 : 1;
      if (!matches || failed.length > 1) continue;
      for (const mark of card.marks) {
        if (found.has(mark) && (!failed.length || failed[0][0] === facetOf.get(mark))) found.set(mark, found.get(mark) + 1);
      }
    }
    for (const [mark, count] of found) {
      counts.get(mark).textContent = number.format(count);
      counts.get(mark).closest("label").classList.toggle("none", !count);
    }
    const output = byId("shown");
    output.textContent = filled(output.dataset.shown, { shown: number.format(shown), total: number.format(cards.length) });
    byId("clear").disabled = !wanted.length && !chosen.size;
    byId("nothing").hidden = shown > 0;
  };

  const collator = new Intl.Collator(document.documentElement.lang, { numeric: true });
  const name = (card) => card.element.querySelector("h2").textContent;
  const orders = {
    "": (a, b) => a.index - b.index,
    name: (a, b) => collator.compare(name(a), name(b)),
    size: (a, b) => b.element.dataset.size - a.element.dataset.size,
    added: (a, b) => collator.compare(b.element.dataset.added, a.element.dataset.added),
  };
  let ordered = "";
  const order = () => {
    if (byId("order").value === ordered) return;
    ordered = byId("order").value;
    list.append(...[...cards].sort(orders[byId("order").value]).map((card) => card.element));
  };

  let waiting = 0;
  byId("words").addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(filter, cards.length > 2000 ? 150 : 0);
  });
  byId("facets").addEventListener("change", filter);
  byId("order").addEventListener("change", order);
  byId("filters").addEventListener("reset", () => setTimeout(() => { filter(); order(); }));
  const narrow = matchMedia("(max-width: 820px)");
  const fold = () => { byId("facets").open = !narrow.matches; };
  narrow.addEventListener("change", fold);
  fold();
  // A browser that returns to the page restores what was chosen.
  order();
  filter();
}

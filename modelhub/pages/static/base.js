"use strict";
const byId = (id) => document.getElementById(id);
const folded = (text) => text.normalize("NFKC").toLowerCase();
const filled = (sentence, fields) => sentence.replace(/\{(\w+)\}/g, (field, name) => fields[name] ?? field);

const select = (element) => {
  const range = document.createRange();
  range.selectNodeContents(element);
  getSelection().removeAllRanges();
  getSelection().addRange(range);
};
const announce = (button, sentence) => {
  byId("announcement").textContent = sentence;
  const label = (button.dataset.label ??= button.textContent);
  button.textContent = sentence;
  clearTimeout(button.timer);
  button.timer = setTimeout(() => { button.textContent = label; byId("announcement").textContent = ""; }, 2000);
};
document.addEventListener("click", async (event) => {
  const button = event.target.closest("button.copy");
  if (!button) return;
  const code = button.previousElementSibling;
  const { copied, press } = document.body.dataset;
  select(code);
  try {
    await navigator.clipboard.writeText(code.textContent);
    announce(button, copied);
  } catch {
    announce(button, document.execCommand("copy") ? copied : press);
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && byId("words") && !event.target.matches("input:not([type=checkbox])")) {
    event.preventDefault();
    byId("words").focus();
  }
});
document.addEventListener("submit", (event) => event.preventDefault());
document.documentElement.classList.add("scripted");

"use strict";
{
  const root = document.documentElement;
  const button = document.getElementById("theme");
  const preferred = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => root.dataset.theme ? root.dataset.theme === "dark" : preferred.matches;
  const label = () => { button.textContent = isDark() ? "Light" : "Dark"; };
  button.hidden = false;
  button.addEventListener("click", () => { root.dataset.theme = isDark() ? "light" : "dark"; label(); });
  preferred.addEventListener("change", label);
  label();

  // Without this script marks keep their native tooltips.
  const tip = document.getElementById("tip");
  for (const title of document.querySelectorAll(".mark title")) {
    title.parentNode.dataset.tip = title.textContent;
    title.remove();
  }
  const show = (mark, x, y) => {
    tip.textContent = mark.dataset.tip;
    tip.hidden = false;
    const box = tip.getBoundingClientRect();
    tip.style.left = Math.max(4, Math.min(x + 12, innerWidth - box.width - 4)) + "px";
    tip.style.top = (y > box.height + 10 ? y - box.height - 10 : y + 16) + "px";
  };
  const hide = () => { tip.hidden = true; };

  for (const chart of document.querySelectorAll("svg.chart")) {
    const marks = [...chart.querySelectorAll(".mark")];
    let current = -1;
    const leave = () => { marks[current]?.classList.remove("current"); hide(); };
    chart.addEventListener("pointermove", event => {
      const mark = event.target.closest(".mark");
      if (mark) show(mark, event.clientX, event.clientY); else hide();
    });
    chart.addEventListener("pointerleave", hide);
    chart.addEventListener("blur", leave);
    chart.addEventListener("keydown", event => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (event.key === "Escape") return leave();
      if (!step || !marks.length) return;
      event.preventDefault();
      leave();
      current = (Math.max(current, step === 1 ? -1 : 0) + step + marks.length) % marks.length;
      marks[current].classList.add("current");
      const box = marks[current].getBoundingClientRect();
      show(marks[current], box.left + box.width / 2, box.top);
    });
  }

  // Paper has no scroll bars: tables of more columns than it can hold stay closed.
  const mostColumns = 12;
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll("details:not([open])")].filter(details => mostColumns >= details.querySelectorAll("thead th").length);
    for (const details of closed) details.open = true;
  });
  addEventListener("afterprint", () => { for (const details of closed) details.open = false; });
}

"use strict";
const byId = (id) => document.getElementById(id);

// All videos: filter.
const filter = byId("filter");
if (filter) {
  const rows = [...document.querySelectorAll(".video")];
  const texts = rows.map((row) => row.dataset.text.toLowerCase());
  const show = () => {
    const words = filter.value.toLowerCase().split(/\s+/);
    const faces = byId("with-faces").checked;
    let shown = 0;
    rows.forEach((row, n) => {
      row.hidden = !words.every((word) => texts[n].includes(word)) || (faces && row.dataset.tracks === "0");
      shown += row.hidden ? 0 : 1;
    });
    document.querySelectorAll("section.videos").forEach((section) => {
      section.hidden = !section.querySelector(".video:not([hidden])");
    });
    byId("none").hidden = shown > 0;
    byId("shown").textContent = shown < rows.length ? `${shown} of ${rows.length}` : "";
  };
  document.querySelector(".tools").hidden = false;
  filter.addEventListener("input", show);
  byId("with-faces").addEventListener("change", show);
  show();
}

// One video: the timeline and the times of the cards steer the player.
const player = byId("player");
const line = byId("timeline");
if (player) {
  const seek = (seconds) => {
    player.currentTime = seconds;
    player.scrollIntoView({ block: "nearest" });
  };
  document.querySelectorAll("[data-at]").forEach((link) =>
    link.addEventListener("click", (event) => {
      event.preventDefault();
      seek(Number(link.dataset.at));
      player.play().catch(() => {}); // A pause right after is no error.
    }),
  );
  if (line) {
    const head = byId("playhead");
    const length = Number(line.dataset.seconds);
    line.addEventListener("click", (event) => {
      if (event.target.closest("a")) return;
      const box = line.getBoundingClientRect();
      seek(((event.clientX - box.left) / box.width) * length);
    });
    const move = () => {
      const x = `${Math.min(100, (100 * player.currentTime) / length)}%`;
      head.setAttribute("x1", x);
      head.setAttribute("x2", x);
      head.setAttribute("visibility", "visible");
    };
    player.addEventListener("timeupdate", move);
    player.addEventListener("seeking", move);
  }
}

// One video: sort the cards.
const sort = byId("sort");
if (sort) {
  sort.parentElement.hidden = false;
  sort.addEventListener("change", () => {
    const key = (card) => Number(card.dataset[sort.value]);
    const cards = [...document.querySelectorAll(".card")];
    byId("cards").append(...cards.sort((a, b) => key(b) - key(a)));
  });
}

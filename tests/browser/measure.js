// What a reader would not see: labels outside their figure, pages and tables wider than the window.
function cutLabels(figure) {
  const svg = figure.querySelector("svg"), frame = svg.getBoundingClientRect();
  return [...svg.querySelectorAll("text")]
    .filter((label) => label.textContent.trim())
    .filter((label) => {
      const box = label.getBoundingClientRect();
      return box.left < frame.left - 1 || box.right > frame.right + 1 || box.top < frame.top - 1 || box.bottom > frame.bottom + 1;
    })
    .map((label) => label.textContent);
}

function tooWide(page) {
  const shown = page.contentDocument;
  const wide = (box) => box.scrollWidth - box.clientWidth > 1;
  const tables = [...shown.querySelectorAll(".scroll")].filter(wide).map((box) => box.querySelector("caption").textContent);
  return wide(shown.documentElement) ? ["the page", ...tables] : tables;
}

addEventListener("load", () => {
  const found = {};
  for (const figure of document.querySelectorAll(".figure")) found[figure.id] = cutLabels(figure);
  for (const page of document.querySelectorAll("iframe")) found[page.id] = tooWide(page);
  document.getElementById("found").textContent = JSON.stringify(found);
});

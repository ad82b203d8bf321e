"use strict";
/* Accessibility repairs that the theme leaves to do; each line names the rule that it meets. */
document.addEventListener("DOMContentLoaded", function () {
  // label-content-name-mismatch: a label must contain the words that are seen.
  document.querySelectorAll("button[aria-label], summary[aria-label]").forEach(function (element) {
    const seen = element.innerText.replace(/\s+/g, " ").trim();
    if (seen && !element.getAttribute("aria-label").includes(seen)) {
      element.removeAttribute("aria-label");
    }
  });
  // region: the sidebar holds the logo and must be a landmark.
  const sidebar = document.getElementById("pst-primary-sidebar");
  if (sidebar) {
    sidebar.setAttribute("role", "region");
    sidebar.setAttribute("aria-label", "Course navigation");
  }
  // aria-allowed-role: the bibliography's roles do not fit the elements that carry them.
  document.querySelectorAll(".citation-list[role], .citation[role]").forEach(function (element) {
    element.removeAttribute("role");
  });
  // scrollable-region-focusable: what scrolls sideways must be reachable from the keyboard.
  function makeScrollable() {
    document.querySelectorAll(
      ".katex-display, div.cell_output, div.highlight pre, .pst-scrollable-table-container"
    ).forEach(function (element) {
      if (element.scrollWidth > element.clientWidth + 1) { element.tabIndex = 0; }
      else { element.removeAttribute("tabindex"); }
    });
  }
  makeScrollable();
  window.addEventListener("resize", makeScrollable);
  // Boxes that are closed have no width until they are opened.
  document.addEventListener("toggle", makeScrollable, true);
  document.addEventListener("click", function () { window.setTimeout(makeScrollable, 400); });
});

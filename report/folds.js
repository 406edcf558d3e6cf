"use strict";
// A link to what lies in a folded section opens it; all are open in print, whoever prints.
(() => {
  const folds = () => [...document.querySelectorAll("details.fold")];
  function unfold(id) {
    const there = id && document.getElementById(id);
    for (let fold = there && there.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
    return there;
  }
  const follow = () => { const there = unfold(location.hash.slice(1)); if (there) there.scrollIntoView(); };
  document.addEventListener("click", event => {
    const link = event.target.closest('a[href^="#"]');
    if (link) unfold(link.getAttribute("href").slice(1));  // before the browser scrolls; the hash may be the same as it was
  });
  addEventListener("hashchange", follow);
  let closed = [];
  addEventListener("beforeprint", () => { closed = folds().filter(fold => !fold.open); for (const fold of closed) fold.open = true; });
  addEventListener("afterprint", () => { for (const fold of closed) fold.open = false; });
  follow();
})();

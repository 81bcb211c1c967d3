//! The page's own code: flashes what the server changed. A hook is a few functions by a name that the template gives.
StateTemplate.hooks.Flash = {
  updated() {
    this.el.animate([{ background: "gold" }, { background: "transparent" }], 600);
  },
};

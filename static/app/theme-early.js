// A classic script on purpose: modules run after the first paint.
document.documentElement.dataset.theme = localStorage.getItem("hubbub.theme") ?? "system";

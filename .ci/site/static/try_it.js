// Shows "Try it" on the front page and above a notebook, where a lab with that notebook has been built beside these pages.
async function offerToTry() {
  const root = new URL(document.documentElement.dataset.content_root, location.href);
  const page = location.href.slice(root.href.length).replace(/(\.html)?([?#].*)?$/, "");
  const notebook = `${page === "" || page === "index" ? "00_quickstart" : page}.ipynb`;
  if (location.protocol === "file:" || !/^\d/.test(notebook)) return; // a lab needs a server for its files
  const list = await fetch(new URL("lab.txt", root)); // empty where no lab is
  if (!(await list.text()).split("\n").includes(notebook)) return;
  const button = document.createElement("a");
  button.className = "try-it";
  button.href = new URL(`lab/lab/index.html?path=${notebook}`, root).href;
  button.textContent = "Try it";
  button.title = "Opens this notebook in a lab that runs in your browser. Nothing is installed, and no key is needed.";
  document.querySelector("article h1")?.after(button);
}

offerToTry();

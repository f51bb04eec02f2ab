// Stands for a style element where the page's policy forbids those: what is written into it is an adopted style sheet,
// which only a program can make. The build puts it into the terminal's library (plugins/strict.ts).
class AdoptedStyle extends HTMLElement {
  readonly #sheet = new CSSStyleSheet();

  override set textContent(css: string) {
    this.#sheet.replaceSync(css);
  }

  override get textContent() {
    return '';
  }

  connectedCallback() {
    document.adoptedStyleSheets = [...document.adoptedStyleSheets, this.#sheet];
  }

  disconnectedCallback() {
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((each) => each !== this.#sheet);
  }
}

customElements.define('adopted-style', AdoptedStyle);

// The line broke while the program was fetched, as when the network changes: the page stayed blank, without a word.
addEventListener('error', ({ target }) => {
  const root = document.querySelector('#root');
  if (!(target instanceof HTMLScriptElement) || root === null || root.childElementCount > 0) return;
  const said = document.createElement('p');
  said.style.margin = '2rem';
  said.textContent = 'The console could not be fetched from its vault. It is tried again every five seconds.';
  root.replaceChildren(said);
  setTimeout(() => location.reload(), 5000);
}, true);

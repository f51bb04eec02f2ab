import { useState } from 'react';

const DARK = 'pf-v6-theme-dark';
const root = document.documentElement;

/** Whether the page is dark, and what turns that around for now and for the next visit. */
export function useTheme(): [boolean, () => void] {
  const [dark, setDark] = useState(root.classList.contains(DARK));
  const turn = () => {
    root.classList.toggle(DARK, !dark);
    localStorage.setItem('theme', dark ? 'light' : 'dark');
    setDark(!dark);
  };
  return [dark, turn];
}

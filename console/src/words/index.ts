import { en } from './en';

/** All that a page says, in one language. Another language is one more object of this type. */
export type Words = typeof en;

const languages: Record<string, Words> = { en };
export const language = navigator.languages.map((each) => each.slice(0, 2)).find((each) => each in languages) ?? 'en';
export const words: Words = languages[language] ?? en;

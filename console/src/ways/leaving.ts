/** The keys by which one leaves: a console and a screen take all others. As of the command line. */
export const leaves = (event: KeyboardEvent) => event.ctrlKey && !event.altKey && (event.key === ']' || event.code === 'BracketRight');

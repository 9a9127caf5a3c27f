// Light, dark, or as the system has it: a button that changes it, and remembers.
import { part, setAttributes, setText } from './dom.ts';

const THEMES = ['system', 'light', 'dark'] as const;
type Theme = (typeof THEMES)[number];

const KEY = 'statewire.theme';

/** Shows the theme that was chosen last, and returns what changes it to the next one. */
export function startTheme(): () => void {
  const button = part('theme');
  let theme = remembered();
  const show = (): void => {
    if (theme === 'system') delete document.documentElement.dataset['theme'];
    else document.documentElement.dataset['theme'] = theme;
    setText(button, `Theme: ${theme}`);
    setAttributes(button, { 'aria-keyshortcuts': 't', title: 'Light, dark, or as the system has it (t)' });
  };
  const change = (): void => {
    theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] ?? 'system';
    remember(theme);
    show();
  };
  button.addEventListener('click', change);
  show();
  return change;
}

// A browser that keeps nothing throws: then the choice lasts as long as the page.
function remembered(): Theme {
  try {
    const kept = localStorage.getItem(KEY);
    return THEMES.find((theme) => theme === kept) ?? 'system';
  } catch {
    return 'system';
  }
}

function remember(theme: Theme): void {
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    return;
  }
}

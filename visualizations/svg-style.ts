// How a drawing looks, in light and dark. Colours are custom properties; every element also carries the light colour
// as a plain attribute, for viewers that know no custom properties.

interface Palette {
  readonly ground: string;
  readonly groundLine: string;
  readonly outer: string;
  readonly outerLine: string;
  readonly state: string;
  readonly stateLine: string;
  readonly text: string;
  readonly quiet: string;
  readonly arrow: string;
  readonly road: string;
  readonly goal: string;
  readonly after: string;
  readonly always: string;
  readonly done: string;
  readonly error: string;
  readonly label: string;
  readonly labelLine: string;
  readonly tag: string;
  readonly actor: string;
  readonly actorText: string;
  readonly active: string;
  readonly activeLine: string;
  readonly taken: string;
}

export const LIGHT: Palette = {
  ground: '#ffffff',
  groundLine: '#d8dee6',
  outer: '#f4f6f9',
  outerLine: '#b4becb',
  state: '#ffffff',
  stateLine: '#8492a6',
  text: '#16202e',
  quiet: '#566375',
  arrow: '#6b7889',
  road: '#1a63d9',
  goal: '#e8f1ff',
  after: '#a2540a',
  always: '#7139c6',
  done: '#0a7a45',
  error: '#bf2334',
  label: '#ffffff',
  labelLine: '#d8dee6',
  tag: '#e7ebf0',
  actor: '#e3f4ec',
  actorText: '#0b6b44',
  active: '#fff1c2',
  activeLine: '#d97f00',
  taken: '#d97f00',
};

export const DARK: Palette = {
  ground: '#0f141b',
  groundLine: '#2b3440',
  outer: '#171e27',
  outerLine: '#3d4959',
  state: '#1f2833',
  stateLine: '#66758a',
  text: '#e9eef5',
  quiet: '#a3b0c1',
  arrow: '#8393a7',
  road: '#6aa8ff',
  goal: '#16305a',
  after: '#f0a95b',
  always: '#c09bf5',
  done: '#5bd197',
  error: '#ff8a94',
  label: '#0f141b',
  labelLine: '#34404e',
  tag: '#303b49',
  actor: '#15392b',
  actorText: '#7fdcb0',
  active: '#4d3a08',
  activeLine: '#ffc247',
  taken: '#ffc247',
};

const properties = (palette: Palette): string =>
  Object.entries(palette)
    .map(([name, colour]) => `--${name}:${String(colour)}`)
    .join(';');

/** One that is embedded in a page follows the page: `light` or `dark` as a class or as `data-theme` around it. */
const THEMES = `.statechart{${properties(LIGHT)}}
@media (prefers-color-scheme:dark){.statechart{${properties(DARK)}}}
.light .statechart,[data-theme=light] .statechart{${properties(LIGHT)}}
.dark .statechart,[data-theme=dark] .statechart{${properties(DARK)}}`;

const RULES = `text{font-family:Helvetica,Arial,'Liberation Sans',Roboto,sans-serif;fill:var(--text)}
.ground{fill:var(--ground);stroke:var(--groundLine)}
.box{fill:var(--state);stroke:var(--stateLine)}
.outer>.box{fill:var(--outer);stroke:var(--outerLine)}
.goal>.box{fill:var(--goal);stroke:var(--road);stroke-width:2}
.inner{stroke:var(--stateLine)}
.pill{fill:var(--tag)}
.tag text{fill:var(--quiet)}
.actor .pill{fill:var(--actor)}
.actor text{fill:var(--actorText)}
.actor .icon{stroke:var(--actorText)}
.actor .core{fill:var(--actorText)}
.way{stroke:var(--arrow)}
.head,.dot{fill:var(--arrow)}
.label{fill:var(--label);stroke:var(--labelLine)}
.guard{fill:var(--quiet)}
.mark{stroke:var(--quiet)}
.after>.way{stroke:var(--after)}
.after>.head{fill:var(--after)}
.always>.way{stroke:var(--always)}
.always>.head{fill:var(--always)}
.done>.way{stroke:var(--done)}
.done>.head{fill:var(--done)}
.error>.way{stroke:var(--error)}
.error>.head{fill:var(--error)}
.line-after text{fill:var(--after)}
.line-after .clock{stroke:var(--after)}
.line-always text{fill:var(--always)}
.line-done text{fill:var(--done)}
.line-error text{fill:var(--error)}
.road>.way{stroke:var(--road)}
.road>.head,.road>.dot{fill:var(--road)}
.road text{fill:var(--road)}
.state.active>.box{fill:var(--active);stroke:var(--activeLine);stroke-width:3}
.outer.active>.box{fill:var(--outer)}
.goal.active>.box{fill:var(--goal)}
.edge.taken>.way{stroke:var(--taken);stroke-width:4}
.edge.taken>.head{fill:var(--taken);stroke:var(--taken);stroke-width:3}
.edge.taken .row,.edge.taken .label{fill:var(--active);stroke:var(--taken);stroke-width:1.5}
.edge.taken text,.edge.taken .guard{fill:var(--text)}
.edge.taken .clock,.edge.taken .mark{stroke:var(--text)}`;

/** Every rule speaks of what is inside a drawing only: a page may hold other SVGs. */
const scoped = (rules: string): string =>
  rules
    .split('\n')
    .map((rule) => {
      const [selectors = '', body = ''] = rule.split('{');
      return `${selectors
        .split(',')
        .map((selector) => `.statechart ${selector}`)
        .join(',')}{${body}`;
    })
    .join('\n');

export const STYLE = `${THEMES}\n${scoped(RULES)}`;

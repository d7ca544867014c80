// The form of the view: family, palette, bands, ranks, coordinates, iterations.
//
// Fields show the view and change it; whether a view can be computed is said by the kernel, in its
// own words. Fields that a person is typing in are left alone. Families show what they look like.

import { element, say } from './store.js';
import { familyName } from './words.js';
import { know, t, worded } from './language.js';
import { coordinates, viewOfLink } from './view.js';

/** @typedef {import('./app.js').App} App */

const TEXTS = /** @type {const} */ (['re', 'im', 'zoom', 'max_iter', 'c_re', 'c_im']);
const THUMBNAIL = { width: 132, height: 88 };
/** Where Julia sets of each family are worth a look; any other place is as right. @type {Record<string, [string, string]>} */
const CONSTANTS = {
  julia: ['-0.8', '0.156'], 'burning-ship-julia': ['-1.2', '-0.1'], 'tricorn-julia': ['-0.3', '0.65'],
  'celtic-julia': ['-0.6', '0.35'], 'multibrot-3-julia': ['0.45', '0.35'], 'multibrot-4-julia': ['0.6', '0.45'],
};

/** @param {App} app */
export function createControls(app) {
  /** @type {Record<string, HTMLInputElement>} */
  const field = Object.fromEntries([...TEXTS, 'density', 'offset'].map((name) => [name, element(`field-${name}`)]));
  const complaint = element('view-complaint');
  /** @type {Map<string, HTMLCanvasElement>} */
  const thumbnails = new Map();

  for (const name of TEXTS) {
    field[name].addEventListener('change', () => {
      const { view } = app.store.get();
      const text = field[name].value.trim().replaceAll('−', '-');
      say(complaint, '');
      const link = text.includes('#') && viewOfLink(text.slice(text.indexOf('#')));
      if (link) { app.colour(link.palette); return app.see(link.view); }
      if (name === 'max_iter') return app.see({ ...view, max_iter: Math.round(Number(text)) || 0 });
      const both = name === 're' ? coordinates(text) : null;
      app.see({ ...view, ...(both ?? { [name]: text.replace(',', '.') }) });
    });
  }

  /** A family's whole set. @param {string} name @returns {import('./view.js').View} */
  function whole(name) {
    const { catalogue } = app.store.get();
    const preset = catalogue?.presets.find((/** @type {any} */ each) => each.formula === name);
    const { re, im } = catalogue?.formulas.find((/** @type {any} */ each) => each.name === name) ?? { re: '0', im: '0' };
    const [c_re, c_im] = name.endsWith('julia') ? CONSTANTS[name] ?? ['0.5', '0.5'] : ['0', '0'];
    if (preset && !name.endsWith('julia')) return { formula: name, re: preset.re, im, zoom: preset.zoom, c_re, c_im, max_iter: preset.max_iter };
    return { formula: name, re, im, zoom: '1', c_re, c_im, max_iter: 2000 };
  }

  for (const name of /** @type {const} */ (['density', 'offset'])) {
    field[name].addEventListener('input', () => app.colour({
      ...app.store.get().palette,
      density: Math.round(2 ** Number(field.density.value) * 100) / 100,
      offset: Number(field.offset.value),
    }));
  }

  element('even').addEventListener('change', () =>
    app.colour({ ...app.store.get().palette, scale: element('even').checked ? 'rank' : undefined }));

  app.store.subscribe(({ view, palette }) => {
    for (const name of TEXTS) show(field[name], String(view[name]));
    show(field.density, String(Math.log2(palette.density)));
    show(field.offset, String(palette.offset));
    element('even').checked = palette.scale === 'rank';
    const swatch = /** @type {HTMLInputElement | null} */ (document.querySelector(`#palettes [value="${palette.name}"]`));
    if (swatch) swatch.checked = true;
    say(element('family-now'), familyName(view.formula));
    for (const each of element('families').children) each.setAttribute('aria-pressed', String(each.value === view.formula));
    element('constant').hidden = !view.formula.endsWith('julia');
  });

  /** @param {HTMLInputElement} input @param {string} value */
  function show(input, value) {
    if (input !== document.activeElement && input.value !== value) input.value = value;
  }

  element('go-home').addEventListener('click', home);
  element('explorer').addEventListener('keydown', (/** @type {KeyboardEvent} */ event) => {
    if (event.key === '0') home();
  });

  function home() {
    const { view } = app.store.get();
    const { re, im, zoom, max_iter } = whole(view.formula);
    app.see({ ...view, re, im, zoom, max_iter });
  }

  // Families are drawn when somebody wants to choose one.
  element('family-picker').addEventListener('toggle', () => {
    const { catalogue } = app.store.get();
    if (!element('family-picker').open || !catalogue || element('families').childElementCount) return;
    for (const { name } of catalogue.formulas) {
      const { button, canvas, label } = card();
      label.textContent = familyName(name);
      button.value = name;
      button.setAttribute('aria-pressed', String(name === app.store.get().view.formula));
      button.addEventListener('click', () => {
        say(complaint, '');
        app.album.show(null);
        app.see(whole(name));
      });
      element('families').append(button);
      thumbnails.set(`f-${name}`, canvas);
      app.preview(`t.f-${name}`, { ...whole(name), max_iter: 400, ...THUMBNAIL }, false);
    }
  });

  return {
    /**
     * The menus, once the kernel has said what there is.
     * @param {any} catalogue
     */
    fill({ presets, palettes }) {
      if (thumbnails.size) return;
      for (const { name, title, stops } of palettes) {
        const label = document.createElement('label');
        label.className = 'swatch';
        const input = Object.assign(document.createElement('input'), { type: 'radio', name: 'palette', value: name });
        const colours = document.createElement('span');
        colours.style.backgroundImage = `linear-gradient(90deg in oklab, ${[...stops, stops[0]].join()})`;
        input.checked = name === app.store.get().palette.name;
        input.addEventListener('change', () => app.colour({ ...app.store.get().palette, name }));
        know(`palette-${name}`, title);
        label.append(input, colours, worded(document.createElement('small'), `palette-${name}`));
        element('palettes').append(label);
      }
      for (const preset of presets) {
        const { button, canvas, label } = card();
        know(`at-${preset.name}`, preset.title);
        worded(label, `at-${preset.name}`);
        const { formula, re, im, zoom, c_re, c_im, max_iter, density, offset } = preset;
        const view = { formula, re, im, zoom, c_re, c_im, max_iter };
        const palette = { name: preset.palette, density, offset };
        button.addEventListener('click', () => {
          app.album.show(null);
          app.colour(palette);
          app.see(view);
        });
        element('presets').append(button);
        thumbnails.set(preset.name, canvas);
        app.own.set(`t.${preset.name}`, palette);
        app.preview(`t.${preset.name}`, { ...view, ...THUMBNAIL }, true);
      }
    },
    /** @param {string} name @param {ImageBitmap} bitmap */
    thumbnail(name, bitmap) {
      thumbnails.get(name)?.getContext('2d', { alpha: false })?.drawImage(bitmap, 0, 0);
      bitmap.close();
    },
    /** Families are named again when somebody wants to choose one. */
    reword() {
      element('family-picker').open = false;
      element('families').replaceChildren();
    },
    /** Why a view is not computed, in the kernel's words. @param {string} reason */
    refuse(reason) {
      const text = t(reason);
      say(complaint, text ? `${text[0].toUpperCase()}${text.slice(1)}.` : '');
    },
  };
}

/** A small picture that is a button. */
export function card() {
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'preset';
  const canvas = Object.assign(document.createElement('canvas'), THUMBNAIL);
  const label = document.createElement('span');
  button.append(canvas, label);
  return { button, canvas, label };
}

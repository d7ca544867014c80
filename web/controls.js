// The form of the explorer: place, family, iterations, colours, presets, and what to render.
//
// Fields show the view and change it; whether a view can be computed is said by the kernel, in its
// own words. Fields that a person is typing in are left alone.

import { copied, element, say } from './store.js';

/** @typedef {import('./app.js').App} App */

const SIZES = [
  [1280, 720, 'HD'], [1920, 1080, 'Full HD'], [2048, 1536, '4:3'], [3000, 3000, 'Square print'],
  [3840, 2160, '4K'], [4096, 2304, 'Wide poster'], [1170, 2532, 'Phone'],
];
const THUMBNAIL = { width: 132, height: 88 };

/** As people write it: `burning-ship-julia` is the Burning ship Julia set. @param {string} formula */
export function familyName(formula) {
  const words = formula.replace(/-?julia$/, ' Julia').replaceAll('-', ' ').trim();
  return `${words[0].toUpperCase()}${words.slice(1)} set`;
}

/** @param {App} app */
export function createControls(app) {
  /** @type {Record<string, HTMLInputElement & HTMLSelectElement>} */
  const field = Object.fromEntries(
    ['formula', 're', 'im', 'zoom', 'max_iter', 'c_re', 'c_im', 'palette', 'density', 'offset', 'size',
      'width', 'height'].map((name) => [name, element(`field-${name}`)]));
  const complaint = element('view-complaint');
  /** @type {Map<string, HTMLCanvasElement>} */
  const thumbnails = new Map();

  // The view.

  for (const name of /** @type {const} */ (['formula', 're', 'im', 'zoom', 'max_iter', 'c_re', 'c_im'])) {
    field[name].addEventListener('change', () => {
      const value = field[name].value.trim().replace('−', '-').replace(',', '.');
      const { view } = app.store.get();
      say(complaint, '');
      if (name === 'max_iter') return app.see({ ...view, max_iter: Math.round(Number(value)) || 0 });
      const fresh = name === 'formula' ? framing(value, view) : {};
      app.see({ ...view, ...fresh, [name]: value });
    });
  }

  /** Another family begins with its whole set in view. @param {string} formula @param {import('./view.js').View} view */
  function framing(formula, view) {
    if (formula === view.formula) return {};
    const preset = app.store.get().catalogue?.presets.find((/** @type {any} */ each) => each.formula === formula);
    if (!preset) return { re: '0', im: '0', zoom: '1', c_re: '-0.4', c_im: '0.6', max_iter: 2000 };
    const { re, im, zoom, c_re, c_im, max_iter } = preset;
    return { re, im, zoom, c_re, c_im, max_iter };
  }

  for (const name of /** @type {const} */ (['palette', 'density', 'offset'])) {
    field[name].addEventListener('input', () => app.colour({
      name: field.palette.value,
      density: Math.round(2 ** Number(field.density.value) * 100) / 100,
      offset: Number(field.offset.value),
    }));
  }

  app.store.subscribe(({ view, palette }) => {
    for (const name of /** @type {const} */ (['formula', 're', 'im', 'zoom', 'max_iter', 'c_re', 'c_im'])) {
      show(field[name], String(view[name]));
    }
    show(field.palette, palette.name);
    show(field.density, String(Math.log2(palette.density)));
    show(field.offset, String(palette.offset));
    element('constant').hidden = !view.formula.endsWith('julia');
    const where = `${familyName(view.formula)} around ${shortened(view.re)}, `
      + `${shortened(view.im)} i, magnified ${Number(view.zoom).toPrecision(3)} times`;
    if (element('explorer').getAttribute('aria-label') !== where) element('explorer').setAttribute('aria-label', where);
  });

  /** @param {HTMLInputElement} input @param {string} value */
  function show(input, value) {
    if (input !== document.activeElement && input.value !== value) input.value = value;
  }

  /** @type {[string, () => void][]} */
  const buttons = [
    ['zoom-in', () => app.viewer.zoom(1.6)],
    ['zoom-out', () => app.viewer.zoom(1 / 1.6)],
    ['go-left', () => app.viewer.pan(-1, 0)],
    ['go-right', () => app.viewer.pan(1, 0)],
    ['go-up', () => app.viewer.pan(0, -1)],
    ['go-down', () => app.viewer.pan(0, 1)],
    ['go-home', () => app.see(home())],
    ['copy-link', () => void copied(element('copy-link'), location.href)],
  ];
  for (const [id, act] of buttons) element(id).addEventListener('click', act);
  element('explorer').addEventListener('keydown', (/** @type {KeyboardEvent} */ event) => {
    if (event.key === '0') app.see(home());
  });

  function home() {
    const { view } = app.store.get();
    return { ...view, ...framing(view.formula, { ...view, formula: '' }) };
  }

  // What to render.

  for (const [width, height, name] of SIZES) {
    field.size.append(new Option(`${name} – ${width} × ${height}`, `${width}x${height}`));
  }
  field.size.append(new Option('Own size…', 'own'));
  field.size.value = '1920x1080';
  field.size.addEventListener('change', () => {
    element('own-size').hidden = field.size.value !== 'own';
  });

  function size() {
    if (field.size.value === 'own') return [Number(field.width.value), Number(field.height.value)];
    return field.size.value.split('x').map(Number);
  }

  element('job-form').addEventListener('submit', (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const [width, height] = size();
    say(complaint, '');
    app.album.launch({ width, height }).catch(() => {}); // the reason stands beside the form
  });

  return {
    /**
     * The menus, once the kernel has said what there is.
     * @param {any} catalogue
     * @param {(name: string, view: any) => void} thumbnail asks for a small picture
     */
    fill({ presets, palettes, formulas }, thumbnail) {
      if (thumbnails.size) return;
      const { view, palette } = app.store.get();
      for (const formula of formulas) field.formula.append(new Option(familyName(formula), formula));
      for (const { name, title } of palettes) field.palette.append(new Option(title, name));
      field.formula.value = view.formula;
      field.palette.value = palette.name;
      for (const preset of presets) {
        const button = document.createElement('button');
        button.type = 'button';
        button.className = 'preset';
        const canvas = document.createElement('canvas');
        Object.assign(canvas, THUMBNAIL);
        const title = document.createElement('span');
        title.textContent = preset.title;
        button.append(canvas, title);
        button.addEventListener('click', () => {
          const { formula, re, im, zoom, c_re, c_im, max_iter } = preset;
          app.album.show(null);
          app.colour({ name: preset.palette, density: preset.density, offset: preset.offset });
          app.see({ formula, re, im, zoom, c_re, c_im, max_iter });
        });
        element('presets').append(button);
        thumbnails.set(preset.name, canvas);
        const { formula, re, im, zoom, c_re, c_im, max_iter } = preset;
        thumbnail(preset.name, { formula, re, im, zoom, c_re, c_im, max_iter, ...THUMBNAIL });
      }
    },
    /** @param {string} name @returns {import('./view.js').Palette | undefined} */
    paletteOf(name) {
      const preset = app.store.get().catalogue?.presets.find((/** @type {any} */ each) => each.name === name);
      return preset && { name: preset.palette, density: preset.density, offset: preset.offset };
    },
    /** @param {string} name @param {ImageBitmap} bitmap */
    thumbnail(name, bitmap) {
      thumbnails.get(name)?.getContext('2d', { alpha: false })?.drawImage(bitmap, 0, 0);
      bitmap.close();
    },
    /** Why a view is not computed, in the kernel's words. @param {string} reason */
    refuse(reason) {
      say(complaint, `${reason[0].toUpperCase()}${reason.slice(1)}.`);
    },
  };
}

/** @param {string} text */
const shortened = (text) => (text.length > 12 ? `${text.slice(0, 12)}…` : text);

// What Rust says to people is English, with values in it. Here it is read again, and said in another language.

/**
 * Says sentences of these forms in another language; any other stays as it came. What fills a gap may be such a
 * sentence itself.
 * @param {Record<string, string>} sentences in English and in the other language, both with gaps `{0}`, `{1}`
 * @returns {(text: string) => string}
 */
export function reader(sentences) {
  const forms = Object.entries(sentences).map(([english, other]) => {
    const literal = english.replace(/[.*+?^$|()[\]\\/]/g, '\\$&').replace(/\{\d\}/g, '(.+)');
    return { pattern: new RegExp(`^${literal}$`), other };
  });
  /** @param {string} text @returns {string} */
  return function read(text) {
    for (const { pattern, other } of forms) {
      const found = pattern.exec(text);
      if (found) return other.replace(/\{(\d)\}/g, (_, at) => read(found[Number(at) + 1]));
    }
    return text;
  };
}

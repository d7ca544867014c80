// A language that nobody speaks, made of English: whoever looks at it sees what would be cut off in a longer
// language, and what is not translated at all.
//
// Letters get accents, vowels are drawn out until a text is 40 % longer, and brackets tell where it begins and ends. What stands in braces stays, and so do the bars between forms.

const LONGER = 1.4;
/** A text between the elements that begin and end it. */
const WITHIN = /^((?:\{\d\}\s*)*)(.*?)((?:\s*\{\d\})*)$/;

/** @type {Record<string, string>} */
const ACCENTS = Object.fromEntries([...'aáeéiíoóuúyýcçdďlĺnñrřsštťzžAÁEÉIÍOÓUÚYÝCÇDĎLĹNÑRŘSŠTŤZŽ'.matchAll(/(.)(.)/gu)].map(([, plain, accented]) => [plain, accented]));

/** @param {string} text */
export const pseudo = (text) => text.split('|').map((form) => form.replace(WITHIN, (_, before, own, after) => `${before}[${longer(own)}]${after}`)).join('|');

/** @param {string} text */
function longer(text) {
  const bare = text.replace(/\{\w+\}/g, '');
  const missing = Math.ceil(bare.length * (LONGER - 1));
  const vowels = bare.match(/[aeiou]/gi)?.length ?? 0;
  let seen = 0;
  const share = (/** @type {number} */ count) => Math.floor((count * missing) / vowels);
  const made = text.replace(/\{\w+\}|[a-z]/gi, (letter) => {
    const accented = ACCENTS[letter] ?? letter;
    return /^[aeiou]$/i.test(letter) ? accented + accented.toLowerCase().repeat(share(seen += 1) - share(seen - 1)) : accented;
  });
  return vowels ? made : made + (/[a-z]/i.test(bare) ? 'é'.repeat(missing) : '');
}

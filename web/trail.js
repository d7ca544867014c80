// The address of the page as one explores: a step of the history for each place where one stayed.
//
// While a view moves its address is rewritten, no more often than browsers allow; after a rest the next
// move begins a new step, so that back and forward lead from place to place.

const WRITE_MILLIS = 400; // browsers count these calls
const REST_MILLIS = 1200;

/**
 * @param {object} address
 * @param {() => string} address.read
 * @param {(link: string) => void} address.push
 * @param {(link: string) => void} address.replace
 */
export function createTrail({ read, push, replace }) {
  let link = '';
  let isRested = false; // the page's own address is the first step
  let writeTimer = 0;
  let restTimer = 0;

  function write() {
    writeTimer = 0;
    if (link === read()) return;
    (isRested ? push : replace)(link);
    isRested = false;
  }

  /** The view is this now. @param {string} next */
  return function follow(next) {
    if (next === link) return;
    link = next;
    if (link === read()) isRested = true; // as after a step back
    clearTimeout(restTimer);
    restTimer = setTimeout(() => { isRested = true; }, REST_MILLIS);
    writeTimer ||= setTimeout(write, WRITE_MILLIS);
  };
}

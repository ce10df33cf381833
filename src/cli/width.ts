/** How many cells of a terminal a text takes. */

// East Asian wide and full-width characters and emoji take two cells, combining marks none (Unicode TR 11, roughly).
const wide =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u
const narrowed = /\p{Mark}/u
const ascii = /^[\u0020-\u007e]*$/

export function displayWidth(text: string): number {
  if (ascii.test(text)) return text.length
  let width = 0
  for (const char of text) width += cellsOf(char)
  return width
}

/** As much of the text as fits into `width` cells. */
export function truncate(text: string, width: number): string {
  if (text.length <= width && ascii.test(text)) return text
  let used = 0
  let cut = ''
  for (const char of text) {
    used += cellsOf(char)
    if (used > width) break
    cut += char
  }
  return cut
}

function cellsOf(char: string): number {
  if (narrowed.test(char)) return 0
  return wide.test(char) ? 2 : 1
}

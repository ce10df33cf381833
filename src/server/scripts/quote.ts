/** Values put into other languages so that they stay values, whatever is in them. */

/** One word for a POSIX shell: between single quotes nothing has a meaning but the quote itself. */
export function quoteSh(value: string): string {
  return `'${value.replaceAll("'", String.raw`'\''`)}'`
}

/**
 * One string for PowerShell, verbatim: between single quotes nothing has a meaning but the quote, which is doubled. It takes
 * the typographic ones for quotes too (about_Quoting_Rules; U+2018 to U+201B in its grammar).
 */
export function quotePowerShell(value: string): string {
  return `'${value.replace(/['\u2018-\u201b]/g, '$&$&')}'`
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** Text or the value of an attribute, for HTML and XML. */
export function escapeXml(value: string): string {
  return value.replace(/[&<>"']/g, (character) => entities[character] as string)
}

/** Whether a value fits on one line of a script or a page: no line ends, no other control characters, no unpaired surrogates. */
export function isOneLine(value: string): boolean {
  return !/[\u0000-\u001f\u007f-\u009f\u2028\u2029\ufffe\uffff]/.test(value) && value.isWellFormed()
}

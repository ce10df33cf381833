/**
 * Splits a command as a shell would, quotes and backslashes included, without running one: nothing is expanded.
 * Undefined when a quote is not closed or there is no word.
 */
export function splitShellWords(line: string): string[] | undefined {
  const words: string[] = []
  let word: string | undefined
  let quote = ''
  for (let at = 0; at < line.length; at++) {
    const char = line[at] as string
    if (char === '\\' && quote !== "'" && at + 1 < line.length) word = (word ?? '') + (line[++at] as string)
    else if (quote !== '' && char === quote) quote = ''
    else if (quote === '' && (char === '"' || char === "'")) {
      quote = char
      word ??= ''
    } else if (quote === '' && /\s/.test(char)) {
      if (word !== undefined) words.push(word)
      word = undefined
    } else word = (word ?? '') + char
  }
  if (word !== undefined) words.push(word)
  return quote === '' && words.length > 0 ? words : undefined
}

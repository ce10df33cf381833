import { CliError } from './errors.ts'

/** Longest secret that is read: more is no password but a wrong file. */
const longest = 64 << 10

/** Asks on standard error, and reads a line from standard input without showing it. */
export async function promptForSecret(question: string, signal: AbortSignal): Promise<string> {
  const input = process.stdin
  process.stderr.write(input.isTTY ? question : 'reading the password from standard input\n')
  if (!input.isTTY) return await readLine(signal)
  input.setRawMode(true)
  try {
    return await readTyped(signal)
  } finally {
    input.setRawMode(false)
    process.stderr.write('\n')
  }
}

async function readLine(signal: AbortSignal): Promise<string> {
  const { text } = await collect(signal, (read) => read.includes('\n'))
  return (text.split('\n')[0] ?? '').replace(/\r$/, '')
}

const interrupt = '\u0003'
const endOfText = '\u0004'
const backspaces = ['\u007f', '\b']
const eraseLine = '\u0015'

async function readTyped(signal: AbortSignal): Promise<string> {
  const { text } = await collect(signal, (typed) => /[\r\n\u0003\u0004]/.test(typed))
  let secret = ''
  for (const char of text) {
    if (char === interrupt) throw new CliError('INTERRUPTED', { signal: 'SIGINT' })
    if (char === '\r' || char === '\n' || char === endOfText) break
    if (backspaces.includes(char)) secret = secret.slice(0, -1)
    else if (char === eraseLine) secret = ''
    else secret += char
  }
  return secret
}

/** Reads standard input until `isDone`, or its end. */
function collect(signal: AbortSignal, isDone: (text: string) => boolean): Promise<{ readonly text: string }> {
  const input = process.stdin
  const chunks: Buffer[] = []
  return new Promise((resolve, reject) => {
    const end = (settle: () => void) => {
      input.off('data', onData).off('end', onEnd).off('error', onEnd).pause()
      signal.removeEventListener('abort', onAbort)
      settle()
    }
    const text = () => Buffer.concat(chunks).toString('utf8')
    const onData = (chunk: Buffer) => {
      chunks.push(chunk)
      const isTooLong = chunks.reduce((length, { length: more }) => length + more, 0) > longest
      if (isTooLong) end(() => reject(new CliError('PASSWORD_MISSING')))
      else if (isDone(text())) end(() => resolve({ text: text() }))
    }
    const onEnd = () => end(() => resolve({ text: text() }))
    const onAbort = () => end(() => reject(signal.reason as Error))
    signal.addEventListener('abort', onAbort, { once: true })
    input.on('data', onData).on('end', onEnd).on('error', onEnd).resume()
    if (signal.aborted) onAbort()
  })
}

import { createInterface } from 'node:readline/promises'
import { CliError } from '../errors.ts'
import { promptForSecret } from '../prompt.ts'
import { CallError } from './errors.ts'

/** Asks questions: of a person on a terminal, or, in a script, of standard input, a line for each. */
export interface Questions {
  readonly isTerminal: boolean
  readonly ask: (question: string) => Promise<string>
  /** What is typed is not shown. */
  readonly askSecret: (question: string) => Promise<string>
}

export function questions(signal: AbortSignal): Questions {
  return process.stdin.isTTY ? terminalQuestions(signal) : pipedQuestions(signal)
}

function terminalQuestions(signal: AbortSignal): Questions {
  return {
    isTerminal: true,
    ask: async (question) => {
      const reader = createInterface({ input: process.stdin, output: process.stderr })
      const interrupted = new Promise<never>((_, reject) =>
        reader.once('SIGINT', () => reject(new CliError('INTERRUPTED', { signal: 'SIGINT' }))),
      )
      try {
        return (await Promise.race([reader.question(question, { signal }), interrupted])).trim()
      } finally {
        reader.close()
      }
    },
    askSecret: async (question) => await promptForSecret(question, signal),
  }
}

/** Characters of a line at most: more is no answer but a wrong file. */
const longest = 64 << 10

function pipedQuestions(signal: AbortSignal): Questions {
  const lines = linesOf(process.stdin, signal)
  const next = async (question: string): Promise<string> => {
    const { value, done } = await lines.next()
    if (done) throw new CallError('INPUT_ENDED', { question: question.replace(/[ :]+$/, '') })
    return value
  }
  return { isTerminal: false, ask: next, askSecret: next }
}

async function* linesOf(input: NodeJS.ReadStream, signal: AbortSignal): AsyncGenerator<string, undefined> {
  let rest = ''
  const abort = () => void input.destroy(signal.reason as Error)
  signal.addEventListener('abort', abort, { once: true })
  for await (const chunk of input.setEncoding('utf8') as AsyncIterable<string>) {
    const lines = (rest + chunk).split(/\r?\n/)
    rest = lines.pop() ?? ''
    yield* lines
    if (rest.length > longest) return undefined
  }
  if (rest !== '') yield rest
  return undefined
}

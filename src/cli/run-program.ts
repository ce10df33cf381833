import { CommanderError } from 'commander'
import type { Command } from 'commander'
import { UnderstudyError, messageOf, printable } from '#base'
import { setHost } from './context.ts'
import { Environment } from './environment.ts'
import { CliError } from './errors.ts'
import { plainMessage } from './failure-text.ts'
import { Interruption } from './interruption.ts'
import { encodeJson } from './json.ts'
import { createProgram } from './program.ts'
import { Terminal, printLastWord } from './terminal.ts'

/** Runs the command of a command line, and ends the process with its exit code. */
export async function runProgram(argv: readonly string[]): Promise<never> {
  const isJson = argv.includes('--json')
  process.on('uncaughtException', (thrown) => {
    printLastWord(formatFailure(explain(thrown, ''), isJson))
    process.exit(1)
  })
  const terminal = new Terminal()
  const exitCode = await runCommand(argv, terminal, isJson)
  await terminal.flush()
  // Threads and idle connections must not keep a finished program alive.
  process.exit(exitCode)
}

async function runCommand(argv: readonly string[], terminal: Terminal, isJson: boolean): Promise<number> {
  const env = Environment.take()
  const onFirst = (name: NodeJS.Signals) => {
    if (!isJson) terminal.printError(`signal ${name} received, cleaning up`)
  }
  using interruption = new Interruption(onFirst)
  const program = createProgram()
  program.exitOverride().configureOutput({
    writeOut: (text) => terminal.write(text),
    writeErr: (text) => terminal.printError(text.trimEnd()),
    outputError: () => undefined, // said below
  })
  for (const command of program.commands) command.copyInheritedSettings(program)
  setHost(program, { terminal, env, interruption })
  try {
    await program.parseAsync(argv)
    // Only what has left this process is printed: a reader may have gone away with most of it still here.
    await terminal.flush()
    interruption.throwIfCutOff()
    assertPrinted(terminal)
    return 0
  } catch (thrown) {
    if (thrown instanceof CommanderError && thrown.exitCode === 0) return 0 // help and version
    if (thrown instanceof CommanderError && thrown.code === 'commander.help') return 1 // help, for want of a command
    const { signal } = interruption
    const failure = explain(signal.aborted ? signal.reason : thrown, nameCommand(program, argv))
    terminal.setStatus([])
    if (failure.code !== 'OUTPUT_CLOSED') terminal.printError(formatFailure(failure, isJson))
    return failure.exitCode
  }
}

/** A list or a summary of which a part is missing must not look whole to a script. */
function assertPrinted({ outputFailure: cause }: Terminal): void {
  if (cause) throw new CliError('PRINTING_FAILED', { reason: plainMessage(cause), cause })
}

/** The command that a line names, with its subcommand, as far as it can be told when the line is not right: for a hint. */
function nameCommand(program: Command, argv: readonly string[]): string {
  const find = (words: readonly string[], { commands }: Command) =>
    words.flatMap((word) => commands.filter((command) => command.name() === word))[0]
  const command = find(argv, program)
  if (!command) return ''
  const inner = find(argv.slice(argv.indexOf(command.name()) + 1), command)
  return inner ? `${command.name()} ${inner.name()}` : command.name()
}

/** Any failure as one that a person can act on. */
function explain(thrown: unknown, command: string): UnderstudyError {
  if (thrown instanceof UnderstudyError) return thrown
  if (thrown instanceof CommanderError) return explainUsage(thrown, command)
  return new UnderstudyError(
    'UNEXPECTED',
    {
      message: 'Something went wrong that should not: {reason}.',
      hint: 'This is a mistake in Understudy. Run the command again with UNDERSTUDY_DEBUG=1 and report what it prints.',
    },
    { reason: messageOf(thrown), cause: thrown },
  )
}

/** `error: unknown option '--foo'` and `(Did you mean --for?)`, in a sentence. */
function explainUsage({ message }: CommanderError, command: string): CliError {
  const [first = '', suggestion = ''] = message.replace(/^error: /, '').split('\n')
  const sentence = `${first.charAt(0).toUpperCase()}${first.slice(1)}${suggestion === '' ? '' : ` ${suggestion}`}`
  return new CliError('USAGE', { reason: sentence.replace(/\.$/, ''), command })
}

/** As restic says it: `Fatal: …`, or the line of JSON that ends a failed run. */
function formatFailure(failure: UnderstudyError, isJson: boolean): string {
  const { code, exitCode } = failure
  const hint = printable(failure.hint, Infinity).replace(/ {2,}/g, ' ') // where no command is named
  const word = exitCode === 2 || exitCode === 3 ? 'Warning' : 'Fatal'
  const message = `${word}: ${failure.message}`
  const trace = process.env.UNDERSTUDY_DEBUG ? stackOf(failure) : []
  if (isJson) return encodeJson({ message_type: 'exit_error', code: exitCode, message, error: code, hint })
  return [`${message} (${code})`, `  ${hint}`, ...trace].join('\n')
}

function stackOf(failure: Error): string[] {
  const stacks: string[] = []
  for (let at: unknown = failure; at instanceof Error; at = at.cause) stacks.push(at.stack ?? at.message)
  return stacks
}

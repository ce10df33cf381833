import type { Completed, CompletedCommand, CompletedFlag } from './model.ts'

/** A script for bash 3.2 and newer; it needs nothing of the package bash-completion. */
export function bashCompletion(program: string, commands: readonly CompletedCommand[]): string {
  const name = `_${program}`
  return [
    `# bash completion for ${program}. Made by \`${program} generate --bash-completion\`.`,
    '',
    `${name}_words() {`,
    "  local IFS=$' \\n'",
    '  COMPREPLY=($(compgen -W "$1" -- "$cur"))',
    '  return 0 # that nothing fits is an answer, too',
    '}',
    '',
    `${name}_paths() {`,
    "  local IFS=$'\\n'",
    '  compopt -o filenames 2>/dev/null',
    '  COMPREPLY=($(compgen "$1" -- "$cur"))',
    '  return 0',
    '}',
    '',
    '# Sets `values`: the flags of the command that want a value as the next word.',
    `${name}_flags_with_value() {`,
    '  case "$1" in',
    ...commands.map(({ path, flags }) => `    '${path}') values=' ${wantingNext(flags).join(' ')} ' ;;`),
    '  esac',
    '}',
    '',
    '# Completes the value of a flag, $2, of the command $1; fails when the flag has none.',
    `${name}_value() {`,
    '  case "$1:$2" in',
    ...commands.flatMap((command) => command.flags.flatMap((flag) => valueCase(name, command, flag))),
    '    *) return 1 ;;',
    '  esac',
    '}',
    '',
    `${name}() {`,
    '  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} path= values= word i',
    '  COMPREPLY=()',
    `  ${name}_flags_with_value ''`,
    '  for ((i = 1; i < COMP_CWORD; i++)); do',
    '    word=${COMP_WORDS[i]}',
    '    if [[ $word == -* ]]; then',
    "      # bash divides --flag=value at the '='.",
    '      if [[ ${COMP_WORDS[i+1]} == "=" ]]; then ((i += 2))',
    '      elif [[ $values == *" $word "* ]]; then ((i++)); fi',
    '      continue',
    '    fi',
    '    case "$path/$word" in',
    ...commands.flatMap(({ path, commands: inner }) =>
      inner.map(({ name: word }) => {
        const whole = path === '' ? word : `${path} ${word}`
        return `      '${path}/${word}') path='${whole}'; ${name}_flags_with_value "$path" ;;`
      }),
    ),
    '    esac',
    '  done',
    '  if [[ $cur == "=" ]]; then cur=',
    '  elif [[ $prev == "=" ]]; then prev=${COMP_WORDS[COMP_CWORD-2]}',
    '  elif [[ $values != *" $prev "* ]]; then prev=; fi',
    `  [[ -n $prev ]] && ${name}_value "$path" "$prev" && return`,
    '  case "$path" in',
    ...commands.map((command) => `    '${command.path}') ${wordsOrArgument(name, command)} ;;`),
    '  esac',
    '}',
    '',
    `complete -F ${name} ${program}`,
    '',
  ].join('\n')
}

function wantingNext(flags: readonly CompletedFlag[]): string[] {
  return flags.filter(({ value, isValueOptional }) => value && !isValueOptional).flatMap(({ names }) => names)
}

function valueCase(name: string, { path }: CompletedCommand, { names, value }: CompletedFlag): string[] {
  if (!value) return []
  return [`    ${names.map((flag) => `'${path}:${flag}'`).join(' | ')}) ${completeValue(name, value)} ;;`]
}

function completeValue(name: string, value: Completed): string {
  if (value === 'file') return `${name}_paths -f`
  if (value === 'folder') return `${name}_paths -d`
  return value === 'unknown' ? ':' : `${name}_words '${value.join(' ')}'`
}

function wordsOrArgument(name: string, { flags, commands, argument }: CompletedCommand): string {
  const words = flags.flatMap(({ names }) => names).join(' ')
  const other =
    commands.length > 0 ? `${name}_words '${commands.map((one) => one.name).join(' ')}'` : completeValue(name, argument)
  return `if [[ $cur == -* ]]; then ${name}_words '${words}'; else ${other}; fi`
}

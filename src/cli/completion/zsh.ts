import type { Completed, CompletedCommand, CompletedFlag } from './model.ts'

/** A function for zsh, to be put as `_understudy` into a folder of `fpath`. */
export function zshCompletion(program: string, commands: readonly CompletedCommand[]): string {
  return [
    `#compdef ${program}`,
    `# zsh completion for ${program}. Made by \`${program} generate --zsh-completion\`.`,
    '',
    `_${program}() {`,
    "  local command='' word previous=${words[CURRENT-1]} wanting=''",
    '  local -i i',
    '  local -a names flags',
    `  wanting=" $(_${program}_wanting '') "`,
    '  for ((i = 2; i < CURRENT; i++)); do',
    '    word=${words[i]}',
    '    if [[ $word == -* ]]; then',
    '      [[ $wanting == *" $word "* ]] && ((i++))',
    '      continue',
    '    fi',
    '    case "$command/$word" in',
    ...commands.flatMap(({ path, commands: inner }) =>
      inner.map(({ name }) => {
        const whole = path === '' ? name : `${path} ${name}`
        return `      ${quote(`${path}/${name}`)}) command=${quote(whole)}; wanting=" $(_${program}_wanting "$command") " ;;`
      }),
    ),
    '    esac',
    '  done',
    '  if [[ $PREFIX == --*=* ]]; then',
    '    previous=${PREFIX%%=*}',
    "    compset -P '*='",
    '  elif [[ $wanting != *" $previous "* ]]; then',
    "    previous=''",
    '  fi',
    '  if [[ -n $previous ]]; then',
    '    case "$command:$previous" in',
    ...commands.flatMap((command) => command.flags.flatMap((flag) => valueCase(command, flag))),
    '    esac',
    '    return',
    '  fi',
    '  case "$command" in',
    ...commands.flatMap((command) => commandCase(program, command)),
    '  esac',
    '}',
    '',
    `_${program}_wanting() {`,
    '  case "$1" in',
    ...commands.map(({ path, flags }) => `    ${quote(path)}) print -r -- ${quote(wantingNext(flags).join(' '))} ;;`),
    '  esac',
    '}',
    '',
    `if [[ $funcstack[1] == _${program} ]]; then _${program} "$@"; else compdef _${program} ${program}; fi`,
    '',
  ].join('\n')
}

function wantingNext(flags: readonly CompletedFlag[]): string[] {
  return flags.filter(({ value, isValueOptional }) => value && !isValueOptional).flatMap(({ names }) => names)
}

function valueCase({ path }: CompletedCommand, { names, value }: CompletedFlag): string[] {
  if (!value) return []
  return [`      ${names.map((name) => quote(`${path}:${name}`)).join('|')}) ${completeValue(value)} ;;`]
}

function completeValue(value: Completed): string {
  if (value === 'file') return '_files'
  if (value === 'folder') return '_files -/'
  return value === 'unknown' ? "_message 'value'" : `compadd -- ${value.map(quote).join(' ')}`
}

function commandCase(program: string, { path, commands, flags, argument }: CompletedCommand): string[] {
  const flagWords = flags.flatMap(({ names, summary }) => names.map((name) => described(name, summary)))
  const other =
    commands.length > 0
      ? [
          `        names=(${commands.map(({ name, summary }) => described(name, summary)).join(' ')})`,
          `        _describe -t commands '${program} command' names`,
        ]
      : [`        ${completeValue(argument)}`]
  return [
    `    ${quote(path)})`,
    '      if [[ $PREFIX == -* ]]; then',
    `        flags=(${flagWords.join(' ')})`,
    "        _describe -o 'flag' flags",
    '      else',
    ...other,
    '      fi',
    '      ;;',
  ]
}

function described(word: string, summary: string): string {
  return quote(`${word.replaceAll(':', '\\:')}:${summary}`)
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}

import { Button, Menu, useMantineColorScheme } from '@mantine/core'
import { useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { languages } from '#protocol'
import type { Person } from '../api/person.ts'
import { send } from '../api/send.ts'
import { signOut } from '../api/sign-in-calls.ts'
import { useLocale, useWords } from '../words/locale.ts'
import { shellWords } from './words.ts'

const languageNames = { en: 'English', de: 'Deutsch' } as const

/** Who is signed in; language, colours, and the way out. */
export function AccountMenu({ me }: { readonly me: Person }) {
  const words = useWords(shellWords)
  const { language, setLanguage } = useLocale()
  // Mantine would switch transitions off by a style tag, which the server's policy forbids.
  const { colorScheme, setColorScheme } = useMantineColorScheme({ keepTransitions: true })
  const client = useQueryClient()
  const navigate = useNavigate()
  const leave = async () => {
    await send(signOut, { body: {} })
    client.clear()
    await navigate({ to: '/sign-in' })
  }
  const schemes = [
    ['auto', words.asSystem],
    ['light', words.light],
    ['dark', words.dark],
  ] as const
  return (
    <Menu position="bottom-end" withinPortal={false}>
      <Menu.Target>
        <Button variant="default">{me.name}</Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item onClick={() => void navigate({ to: '/account' })}>{words.account}</Menu.Item>
        <Menu.Divider />
        <Menu.Label>{words.language}</Menu.Label>
        <Menu.RadioGroup
          value={language}
          onChange={(value) => setLanguage(languages.find((each) => each === value) ?? 'en')}
        >
          {languages.map((each) => (
            <Menu.RadioItem key={each} value={each} lang={each}>
              {languageNames[each]}
            </Menu.RadioItem>
          ))}
        </Menu.RadioGroup>
        <Menu.Divider />
        <Menu.Label>{words.colours}</Menu.Label>
        <Menu.RadioGroup
          value={colorScheme}
          onChange={(value) => setColorScheme(schemes.find(([scheme]) => scheme === value)?.[0] ?? 'auto')}
        >
          {schemes.map(([scheme, name]) => (
            <Menu.RadioItem key={scheme} value={scheme}>
              {name}
            </Menu.RadioItem>
          ))}
        </Menu.RadioGroup>
        <Menu.Divider />
        <Menu.Item onClick={() => void leave()}>{words.signOut}</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  )
}

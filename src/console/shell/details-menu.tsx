import { Menu } from '@mantine/core'
import { Link, useLocation } from '@tanstack/react-router'
import { useWords } from '../words/locale.ts'
import styles from './header.module.css'
import type { pagesFor } from './navigation.ts'
import { shellWords } from './words.ts'

/** The pages for those who run it, on a wide screen: on a narrow one they stand in the list of all. */
export function DetailsMenu({ pages }: { readonly pages: ReturnType<typeof pagesFor> }) {
  const words = useWords(shellWords)
  const { pathname } = useLocation()
  const isHere = pages.some(({ to }) => pathname.startsWith(to))
  return (
    <Menu position="bottom-start" withinPortal={false}>
      <Menu.Target>
        <button type="button" className={styles.details} data-here={isHere}>
          {words.details} <span aria-hidden="true">▾</span>
        </button>
      </Menu.Target>
      <Menu.Dropdown>
        {pages.map(({ to, name }) => (
          <Menu.Item key={to} renderRoot={(props) => <Link {...props} to={to} />}>
            {words[name]}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  )
}

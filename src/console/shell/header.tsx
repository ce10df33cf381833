import { Link, useLocation } from '@tanstack/react-router'
import { useEffect, useState } from 'react'
import { readMe } from '../api/calls.ts'
import { useAnswer } from '../api/queries.ts'
import { useAlerts } from '../api/use-alerts.ts'
import { useWords } from '../words/locale.ts'
import { AccountMenu } from './account-menu.tsx'
import { DetailsMenu } from './details-menu.tsx'
import styles from './header.module.css'
import { pagesFor } from './navigation.ts'
import { shellWords } from './words.ts'

export function Header() {
  const words = useWords(shellWords)
  const { data: me } = useAnswer(readMe, {})
  const { data: alerts = [] } = useAlerts()
  const [isOpen, setOpen] = useState(false)
  const { pathname } = useLocation()
  useEffect(() => setOpen(false), [pathname])
  const pages = me ? pagesFor(me) : []
  const open = alerts.filter(({ acknowledged, muted, severity }) => !acknowledged && !muted && severity !== 'notice')
  return (
    <header className={styles.header}>
      <Link to="/" className={styles.name}>
        Understudy
      </Link>
      <button
        type="button"
        className={styles.menu}
        aria-expanded={isOpen}
        aria-controls="pages"
        onClick={() => setOpen(!isOpen)}
      >
        {words.menu}
      </button>
      <nav id="pages" aria-label={words.navigation} className={styles.pages} data-open={isOpen}>
        {pages.map(({ to, name, isDetail }) => (
          <Link
            key={to}
            to={to}
            className={isDetail ? styles.narrowOnly : undefined}
            activeOptions={{ exact: to === '/' }}
            activeProps={{ 'aria-current': 'page' }}
          >
            {words[name]}
            {to === '/alerts' && open.length > 0 && (
              <span className={styles.count}>
                <span aria-hidden="true">{open.length}</span>
                <span className="visually-hidden">{words.openAlerts(open.length)}</span>
              </span>
            )}
          </Link>
        ))}
        <DetailsMenu pages={pages.filter(({ isDetail }) => isDetail)} />
      </nav>
      <div className={styles.right}>
        <Link to="/attack" className={styles.alarm}>
          {words.wrong}
        </Link>
        {me && <AccountMenu me={me} />}
      </div>
    </header>
  )
}

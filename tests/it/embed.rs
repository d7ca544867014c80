//! A page of another origin that becomes a peer with one import, and only by its visitor's press.

use anyhow::{Result, ensure};
use tests::{Browser, Engine, Server, Site};

use crate::alone_on_this_machine;

#[test]
fn a_page_of_another_origin_embeds_a_peer_with_one_import() -> Result<()> {
    let _machine = alone_on_this_machine();
    let site = Site::start()?;
    let server = Server::start_for(&[&site.origin])?;
    let address = server.url.trim_end_matches('/');
    site.show(include_str!("../embed/example.html").replace("SERVER", address));

    let mut browser = Browser::start(Engine::Chromium)?;
    let page = browser.open(&site.origin)?;
    // The page answered for its visitor.
    let alone = browser.wait(page, "document.body.dataset.alone")?;
    ensure!(alone == "ConsentRequired", "{alone}");
    ensure!(browser.workers(page)? == 0);
    // The visitor said no.
    let said = "document.querySelector('#said').textContent";
    browser.click(page, "#lend")?;
    browser.click(page, "#no")?;
    browser.wait(page, &format!("{said}.includes('ConsentRequired')"))?;
    ensure!(server.metric("millefeuille_logins_total")? == 0.0, "it connected");
    // And yes.
    browser.click(page, "#lend")?;
    browser.click(page, "#yes")?;
    let done = browser.wait(page, "document.querySelector('#said').dataset.done")?;
    ensure!(done == "4 of 4", "{done}");
    let colours = "(() => {
        const { data } = document.querySelector('#picture').getContext('2d').getImageData(0, 0, 512, 512);
        return new Set(new Uint32Array(data.buffer)).size;
    })()";
    ensure!(browser.eval(page, colours)?.as_u64() > Some(100), "a picture of nothing");
    // Nothing is kept on other people's pages unless they ask for it.
    ensure!(browser.eval(page, "indexedDB.databases().then((all) => all.length)")? == 0);
    browser.click(page, "#leave")?;
    browser.wait(page, &format!("{said} === 'Left.'"))?;
    ensure!(browser.complaints(page)?.is_empty(), "{:?}", browser.complaints(page)?);
    Ok(())
}

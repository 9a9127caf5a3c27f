import { describe, expect, it } from 'vitest';
import { extract } from '../../../src/server/crawl/extract.ts';

const read = (body: string, contentType = 'text/html', url = 'http://site.test/dir/page') =>
  extract({ url: new URL(url), status: 200, contentType, body: Buffer.from(body), mayBeStored: true });

describe('extraction', () => {
  it('takes from a page what it says about itself', async () => {
    const { document } = await read(
      '<html lang="de"><head><title> A \n title </title>' +
        '<meta name="Description" content=" About it "><meta property="og:site_name" content="Site">' +
        '<meta name="author" content="Ada"><meta property="article:published_time" content="2024-05-06T07:08:09+02:00">' +
        '</head><body><p>Text</body></html>',
    );

    expect(document).toMatchObject({
      title: 'A title',
      description: 'About it',
      site_name: 'Site',
      byline: 'Ada',
      published_iso: '2024-05-06T05:08:09.000Z',
      language: 'de',
    });
  });

  it('falls back on what stands in for it', async () => {
    const { document } = await read(
      '<meta property="og:description" content="D"><meta property="og:locale" content="fr_FR">' +
        '<h1>The <b>heading</b></h1><time datetime="2020-01-01">then</time>',
    );

    expect(document).toMatchObject({
      title: 'The heading',
      description: 'D',
      published_iso: '2020-01-01T00:00:00.000Z',
      language: 'fr_FR',
    });
    expect((await read('<p>nothing')).document).toEqual({
      url: 'http://site.test/dir/page',
      text: 'nothing',
      links: [],
      media: [],
      word_count: 1,
      reading_time: 1,
      markdown: 'nothing',
    });
  });

  it('reads what a reader sees, one line a block', async () => {
    const { document } = await read(
      '<title>t</title><nav>menu</nav><header>Head</header><script>var x = "<p>no</p>"</script><style>p{}</style>' +
        '<noscript>no</noscript><p>One   <i>two</i>\n three&nbsp;four</p><div>five<br>six</div>' +
        '<p hidden>no</p><p aria-hidden="true">no</p><p style="color:red; DISPLAY : none">no</p>' +
        '<!-- no --><template>no</template><ul><li>a<li>b</ul><footer>no</footer>',
    );

    expect(document.text).toBe('Head\nOne two three four\nfive\nsix\na\nb');
  });

  it.each([
    ['the main part', '<div>menu</div><main>Main</main>', 'Main'],
    ['the part with that role', '<div>menu</div><div role="main">Main</div>', 'Main'],
    ['the one article', '<div>menu</div><article>Article</article>', 'Article'],
    ['everything, where there are several', '<article>One</article><article>Two</article>', 'One\nTwo'],
    ['everything, where the main part is empty', '<div>Text</div><main></main>', 'Text'],
  ])('reads %s', async (_which, html, text) => {
    expect((await read(`<body>${html}</body>`)).document.text).toBe(text);
  });

  it('lists links to the web, absolute, each once, navigation included', async () => {
    const { document } = await read(
      '<base href="/other/"><nav><a href="a">a</a></nav><a href="a#part">again</a><a href="//cdn.test/x">x</a>' +
        '<a href="mailto:a@b.c">m</a><a href="javascript:x()">j</a><a href="http://[">broken</a><a>none</a>' +
        '<map><area href="?q"></map>',
    );

    expect(document.links).toEqual([
      'http://site.test/other/a',
      'http://cdn.test/x',
      'http://site.test/other/?q',
    ]);
  });

  it('lists media, absolute, each once', async () => {
    const { document } = await read(
      '<img src="a.png"><img src="a.png"><img src="data:image/png;base64,AA"><video poster="p.jpg" src="v.mp4">' +
        '<source src="w.webm"></video><audio src="s.mp3">',
    );

    expect(document.media).toEqual(
      ['a.png', 'p.jpg', 'v.mp4', 'w.webm', 's.mp3'].map((name) => `http://site.test/dir/${name}`),
    );
  });

  it('writes Markdown with absolute addresses and without scripts', async () => {
    const { document } = await read(
      '<body><nav>menu</nav><h2>Title</h2><p>A <a href="x">link</a>, <a href="javascript:bad()">another</a>' +
        '<script>bad()</script></p><ul><li>one</li></ul><pre><code>code</code></pre></body>',
    );

    expect(document.markdown).toBe(
      '## Title\n\nA [link](http://site.test/dir/x), another\n\n-   one\n\n```\ncode\n```',
    );
  });

  it('leaves Markdown out where it would take too long, and keeps the text', async () => {
    const { document } = await read(`<p>${'x<br>'.repeat(20_000)}`);

    expect([document.word_count, document.markdown]).toEqual([20_000, undefined]);
  });

  it('writes Markdown of a long page, in one piece', async () => {
    const paragraphs = Array.from({ length: 2_000 }, (_, index) => `Paragraph ${index}`);
    const { document } = await read(
      `<main><div>${paragraphs.map((text) => `<p>${text}</p>`).join('')}</div></main>`,
    );

    expect(document.markdown).toBe(paragraphs.join('\n\n'));
  });

  it.each([
    ['a page of elements that nest', '<b>'.repeat(1_001)],
    ['a page with attributes that look like ends', '<div a="</div>">'.repeat(1_001)],
    ['a page with comments that look like ends', '<div><!--</div>-->'.repeat(1_001)],
    ['a page with scripts that look like ends', '<div><script></div></script>'.repeat(1_001)],
    ['a page in UTF-16', Buffer.from(`\ufeff${'<b>'.repeat(1_001)}`, 'utf16le').toString('latin1')],
  ])('refuses %s too deeply', async (_what, html) => {
    await expect(read(html)).rejects.toMatchObject({ type: 'extraction_failed', status: 200 });
  });

  it.each([
    ['paragraphs that are not ended', '<p>text'.repeat(5_000)],
    ['drawings', `<svg>${'<path d="M0"/>'.repeat(5_000)}</svg>`],
    ['scripts with tags in them', `<script>${'"<b>x<\\/b>"'.repeat(5_000)}</script>`],
    ['line breaks', '<br>'.repeat(5_000)],
  ])('is not misled by %s', async (_what, html) => {
    await expect(read(html)).resolves.toBeDefined();
  });

  it('scores a page by its words, its density and what it says about itself', async () => {
    const words = (count: number) => 'word '.repeat(count);
    const head = '<html lang="en"><title>T</title><meta name="description" content="D">';

    expect((await read(`${head}<p>${words(200)}`)).qualityScore).toBe(1);
    expect((await read(`<p>${words(200)}`)).qualityScore).toBe(0.65);
    expect((await read(`<p>${words(100)}`)).qualityScore).toBe(0.4);
    expect((await read('')).qualityScore).toBe(0);
  });
});
